import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { type OpenPorts, openRequests } from './cli/operations/open-requests.ts'
import { BACKEND_NAMES } from './config/queue-schema.ts'
import type { Pipeline } from './config/schema.ts'
import { LocalError } from './local/error.ts'
import { parseJson } from './local/parse-json.ts'

/** The file in the data folder that records the queue backend with which the folder was last used. */
const FILE = 'queues.json'

type Backend = Pipeline['queue']['backend']

const Used = z.object({ backend: z.enum(['sqs', 'rabbitmq']) })

/**
 * Refuses to start with a data folder that was used with another queue backend, if some of its requests have not ended.
 * The messages of these requests are in the queues of the old backend, and no function would receive them. So the requests
 * would wait until they expire. If the start is not refused, this function records the backend in the folder. Call it
 * before any function runs. Rejects with `LocalError` if the start is refused, and with `Unavailable` if a store can't be
 * read.
 */
export async function refuseOtherQueues(admin: OpenPorts, dataDir: string, backend: Backend): Promise<void> {
  const file = join(dataDir, FILE)
  const used = usedIn(file)
  // A new folder, and a folder of an earlier version of Sluice, does not have the file. Then the start is not refused.
  if (used !== undefined && used !== backend) {
    const open = (await openRequests(admin)).length
    if (open > 0) throw new LocalError(sentenceOf(dataDir, used, open))
  }
  if (used !== backend) writeFileSync(file, JSON.stringify({ backend } satisfies z.infer<typeof Used>), { mode: 0o600 })
}

function sentenceOf(dataDir: string, used: Backend, open: number): string {
  const subject = open === 1 ? '1 request has' : `${open} requests have`
  return `${subject} not ended in ${dataDir}, and the messages are in queues of ${BACKEND_NAMES[used]}: start with queue.backend ${used} until all have ended (docs/queues.md), or choose another folder with SLUICE_DATA.`
}

function usedIn(file: string): Backend | undefined {
  try {
    return Used.safeParse(parseJson(readFileSync(file, 'utf8'))).data?.backend
  } catch {
    return undefined
  }
}
