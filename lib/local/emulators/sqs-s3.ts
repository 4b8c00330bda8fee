import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server } from 'node:http'
import { workerData } from 'node:worker_threads'
import { type FauxqsServer, startFauxqs } from 'fauxqs'
import * as z from 'zod'
import type { QueueState } from '../observer.ts'
import { declaredAsJson, signedWith } from '../trust/access-key.ts'
import { fromNoPage, guardServer } from '../trust/guard-server.ts'
import { refuseAsAws } from '../trust/refuse.ts'
import { endReceives } from './end-receives.ts'
import { makeQueuesFair } from './fair-queues.ts'
import { openQueueCalls } from './queue-calls.ts'
import { putQueuesAt } from './queue-urls.ts'
import { writeInGroups } from './queue-writes.ts'
import { waitQuietly } from './quiet-waits.ts'
import { serve } from './serve.ts'
import { END_WAITS } from './sqs-question.ts'

/** The access key id of callers, and the folder for queues and objects. Without a folder, both are in memory. */
export interface SqsS3Data {
  accessKeyId: string
  folder?: string
}

const { accessKeyId, folder } = workerData as SqsS3Data

const Names = z.array(z.string())

interface Fastify {
  server: Server
  listen(options: object): Promise<string>
}

await serve(async () => {
  const guarded = guardFauxqs()
  const call = await openQueueCalls(await writeInGroups())
  await makeQueuesFair()
  const endWaits = await waitQuietly()
  let address = ''
  await putQueuesAt(() => address)
  if (folder) endReceives(folder)
  const server = await startFauxqs({ port: 0, logger: false, ...(folder && { dataDir: folder }) })
  if (guarded.servers !== 1) throw new Error('fauxqs must have exactly one Fastify server, or it can not be guarded.')
  if (!server.address.includes('127.0.0.1')) throw new Error(`fauxqs listens on ${server.address}.`)
  address = `http://127.0.0.1:${server.port}`
  return {
    port: server.port,
    call,
    close: () => server.stop(),
    answer: question =>
      question === END_WAITS ? endWaits() : Names.parse(question).flatMap(name => stateOf(server, name)),
  }
})

function stateOf(server: FauxqsServer, name: string): QueueState[] {
  const queue = server.inspectQueue(name)
  if (!queue) return []
  const { ready, inflight } = queue.messages
  const sent = [...ready, ...inflight.map(({ message }) => message)].map(({ sentTimestamp }) => sentTimestamp)
  return [{ name, waiting: ready.length, ...(sent.length > 0 && { oldest_sent_at: Math.min(...sent) }) }]
}

/**
 * Makes fauxqs, the emulator of SQS and S3, listen on 127.0.0.1 only, and checks its callers. By itself, fauxqs listens on 0.0.0.0 and accepts every
 * caller. So the whole network could read the queues. fauxqs uses Fastify, which announces each new server of a thread on a diagnostics channel. This
 * function listens on this channel, to find the server.
 */
function guardFauxqs(): { servers: number } {
  const guarded = { servers: 0 }
  subscribe('fastify.initialization', message => {
    const { fastify } = message as { fastify: Fastify }
    const { listen } = fastify
    fastify.listen = options => Reflect.apply(listen, fastify, [{ ...options, host: '127.0.0.1' }])
    guardServer(fastify.server, refuseAsAws, fromNoPage, signedWith(accessKeyId), sqsOrS3)
    guarded.servers++
  })
  return guarded
}

/**
 * Accepts only calls to SQS and S3. fauxqs also answers form posts of SNS and STS at the path of SQS (`/`), and shows its queues at paths of its own.
 * The stack needs neither, so both are refused. Every other path belongs to S3.
 */
function sqsOrS3(request: IncomingMessage): string | undefined {
  const path = pathOf(request)
  if (path === '/health' || path.startsWith('/_fauxqs')) return 'Only SQS and S3 are here.'
  return path === '/' && request.method === 'POST' ? declaredAsJson(request) : undefined
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split(/[?#;]/)[0] ?? ''
}
