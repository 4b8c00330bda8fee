import { readFileSync } from 'node:fs'
import type { Payload } from '../../functions/core/domain/messages.ts'
import { httpEndpoint } from '../../functions/core/inference/http-endpoint.ts'
import { aMessage, anItem } from '../support/requests.ts'
import { aWorker } from '../support/worker.ts'

/** Runs one invocation of a worker. `memory.ts` starts this file as a process with a limited heap. */
const [calls = '', bodyFile = '', url = ''] = process.argv.slice(2)

const { ports, invoke, outcomes } = aWorker()
const endpoint = httpEndpoint({ url, timeout_ms: 60_000, headers: {} }, async () => '')
// This payload store needs as much memory as S3: the bytes of a payload become a text, which is parsed, and a written text becomes
// bytes. It does not keep what is written.
const payloads = {
  get: async () => JSON.parse(readFileSync(bodyFile).toString()) as unknown,
  put: async (_key: string, json: string) => void Buffer.from(json),
  delete: async () => {},
}
const items = await Promise.all(Array.from({ length: Number(calls) }, () => ports.items.create(anItem())))
const stored: Payload = { key: 'body' }

await invoke(
  items.map(item => ({ ...aMessage(item), body: stored })),
  { ...ports, endpoint, payloads },
)

const ends = [...new Set(outcomes().map(({ status, error }) => error?.code ?? status))]
process.stdout.write(JSON.stringify({ ends: ends.join(), rss: Math.round(process.resourceUsage().maxRSS / 1024) }))
