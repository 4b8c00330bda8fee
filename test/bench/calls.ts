import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Engines } from './engines.ts'
import { type Call, sequential, tally } from './recorder.ts'
import { newRequestStage, type RequestStage } from './request-stage.ts'
import { round, table } from './table.ts'

const IN_FLIGHT = 100

/** The AWS calls of one request, by the step that makes them. */
export interface RequestCalls {
  readonly accepted: readonly Call[]
  readonly worked: readonly Call[]
  /** The two events of a request, if they arrive one by one. */
  readonly recorded: readonly Call[]
  readonly settled: readonly Call[]
  /** Both in one invocation. */
  readonly collected: readonly Call[]
  readonly readQueued: readonly Call[]
  readonly readCompleted: readonly Call[]
  /** With this many open reservations in the user's quota item before the step. */
  readonly acceptedBeside: ReadonlyMap<number, readonly Call[]>
  readonly rejected: readonly Call[]
}

/** How many open reservations are measured: the item with them is what each admission pays for. */
const OPEN = [10, 50, 99]

/** Counts the AWS calls of a request as our code makes them. What Lambda's pollers receive and delete comes on top. */
export async function countRequest(engines: Engines): Promise<RequestCalls> {
  const model = await startModel()
  try {
    const stage = await newRequestStage(engines, model.url, { inFlight: IN_FLIGHT })
    const first = await stage.submit() // brings the user's quota item: once a window
    const events = await stage.takeEvents()
    const readQueued = await stage.counting(() => stage.read(first.item.request_id))
    const recorded = await stage.counting(() => stage.collect(events))
    const worked = await stage.counting(stage.work)
    const outcome = await stage.takeEvents()
    const settled = await stage.counting(() => stage.collect(outcome))
    const readCompleted = await stage.counting(() => stage.read(first.item.request_id))
    const accepted = await stage.counting(stage.submit)
    await stage.work()
    const both = await stage.takeEvents()
    const collected = await stage.counting(() => stage.collect(both))
    const acceptedBeside = await countBeside(stage)
    // The last of them has used up what the plan allows in flight.
    const rejected = await stage.counting(() => stage.submit().catch(() => undefined))
    return { accepted, worked, recorded, settled, collected, readQueued, readCompleted, acceptedBeside, rejected }
  } finally {
    model.close()
  }
}

async function countBeside(stage: RequestStage): Promise<Map<number, readonly Call[]>> {
  const beside = new Map<number, readonly Call[]>()
  for (let open = 0; open <= Math.max(...OPEN); open++) {
    const calls = await stage.counting(stage.submit)
    if (OPEN.includes(open)) beside.set(open, calls)
  }
  return beside
}

/** The AWS calls of a request as a table. */
export async function benchCalls(engines: Engines): Promise<string> {
  const counted = await countRequest(engines)
  const rows = [
    row('accepted', counted.accepted),
    row('completed: worker', counted.worked),
    row('completed: collector', counted.collected),
    row('collector, the accepted event alone', counted.recorded),
    row('collector, the outcome alone', counted.settled),
    row('read, not completed', counted.readQueued),
    row('read, completed', counted.readCompleted),
    ...[...counted.acceptedBeside].map(([open, calls]) => row(`accepted, with ${open} open`, calls)),
    row('rejected', counted.rejected),
  ]
  const head = ['request', 'sequential', 'total', 'units', 'calls']
  return `AWS calls a request, warm quota item, on ${engines.dynamoDbName} answering as DynamoDB does; units are DynamoDB's\n\n${table(head, rows)}`
}

const row = (name: string, calls: readonly Call[]): (string | number)[] => [
  name,
  sequential(calls),
  calls.length,
  round(unitsOf(calls), 1),
  tally(calls),
]

/** The capacity units of DynamoDB that calls have used, or those of some commands. */
export const unitsOf = (calls: readonly Call[], names?: readonly string[]): number =>
  calls.reduce((sum, { name, units = 0 }) => sum + (names === undefined || names.includes(name) ? units : 0), 0)

async function startModel() {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  const server = createServer((_, response) => response.end(JSON.stringify({ result: 'ok', usage })))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/predict`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
