import { afterEach, describe, expect, it } from 'vitest'
import { parsePipeline } from '../../../lib/config/load.ts'
import { unreachableModels } from '../../../lib/reach-models.ts'
import { type RawServer, serveRaw } from '../../support/raw-server.ts'
import { pipelineText } from '../config/pipelines.ts'

const servers: RawServer[] = []
afterEach(() => Promise.all(servers.splice(0).map(server => server.close())))

const pipelineAt = (url: string) =>
  parsePipeline(pipelineText({ endpoint: `models:\n  text:\n    endpoint: { url: "${url}/predict" }` }), {}, 'p.yaml')

describe('unreachableModels', () => {
  it('unreachableModels reports nothing for a model that accepts a connection, and sends no request to the model', async () => {
    const received: Buffer[] = []
    const server = await serveRaw(({ socket }) => socket.on('data', bytes => received.push(bytes)))
    servers.push(server)

    expect(await unreachableModels(pipelineAt(server.origin))).toEqual([])
    await expect.poll(() => server.connections[0]?.destroyed).toBe(true)
    expect(received).toEqual([])
  })

  it('unreachableModels names the host in the TLS handshake, since many servers choose their certificate by it', async () => {
    const hellos: Buffer[] = []
    const server = await serveRaw(({ socket }) => socket.on('data', bytes => hellos.push(bytes)))
    servers.push(server)

    const lines = unreachableModels(pipelineAt(`https://localhost:${server.port}`))
    await expect.poll(() => Buffer.concat(hellos).includes('localhost')).toBe(true)
    for (const socket of server.connections) socket.destroy()

    expect(await lines).toEqual([expect.stringContaining('takes no connection')])
  })

  it.each(['http', 'https'])('unreachableModels warns of a model that accepts no connection (%s)', async protocol => {
    const server = await serveRaw(() => undefined)
    await server.close()

    expect(await unreachableModels(pipelineAt(`${protocol}://127.0.0.1:${server.port}`))).toEqual([
      `warning: models.text: ${protocol}://127.0.0.1:${server.port} takes no connection (ECONNREFUSED); its requests wait and are tried again`,
    ])
  })

  it('unreachableModels warns of a model whose certificate is not trusted', async () => {
    const server = await serveRaw(() => undefined, { tls: true })
    servers.push(server)

    expect(await unreachableModels(pipelineAt(server.origin))).toEqual([
      expect.stringContaining('takes no connection (DEPTH_ZERO_SELF_SIGNED_CERT)'),
    ])
  })
})
