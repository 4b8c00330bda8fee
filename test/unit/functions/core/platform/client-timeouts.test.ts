import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { S3Client } from '@aws-sdk/client-s3'
import { afterEach, describe, expect, it } from 'vitest'
import { clientTimeouts } from '../../../../../functions/core/platform/client-timeouts.ts'
import { Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { s3Payloads } from '../../../../../functions/core/stores/payloads/s3.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

async function payloadsAt(answer: RequestListener) {
  const server = createServer(answer)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  return s3Payloads(
    new S3Client({ ...clientTimeouts(50), endpoint, credentials, region: 'us-east-1', forcePathStyle: true }),
    'bucket',
  )
}

describe('an AWS client with timeouts', () => {
  it('gives up after three tries if a server never answers', async () => {
    let calls = 0
    const payloads = await payloadsAt(() => {
      calls += 1
    })

    await expect(payloads.put('a', '1')).rejects.toThrow(Unavailable)
    expect(calls).toBe(3)
  })

  it('gives up if a server stops sending in the middle of its answer', async () => {
    const payloads = await payloadsAt((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"a":')
    })

    await expect(payloads.get('a')).rejects.toThrow(Unavailable)
  })

  it('all AWS clients of the functions have timeouts, and are made in functions/core/platform', () => {
    const made = globSync('functions/**/*.ts').flatMap(path =>
      [...readFileSync(path, 'utf8').matchAll(/new \w+Client\(.*/g)].map(([call]) => `${path}: ${call}`),
    )

    expect(made.length).toBeGreaterThan(4)
    expect(made.filter(call => !call.startsWith('functions/core/platform/'))).toEqual([])
    expect(
      made.filter(call => !/Client\((\{ \.\.\.)?(clientTimeouts\(|leanSettings\(|CLIENT_SETTINGS)/.test(call)),
    ).toEqual([])
  })
})
