import type { Engines } from './engines.ts'
import { type Call, sequential, tally } from './recorder.ts'
import { newRequestStage, type RequestStage } from './request-stage.ts'
import { startStubModel } from './stub-model.ts'
import { round, table } from './table.ts'

const IN_FLIGHT = 100

/** The AWS calls that Sluice makes for one request, per step. */
export interface RequestCalls {
  /** The authorizer's calls for the first call with a key, and for the second one, for which the authorizer remembers the key. */
  readonly authorized: readonly Call[]
  readonly authorizedAgain: readonly Call[]
  readonly accepted: readonly Call[]
  readonly worked: readonly Call[]
  readonly settled: readonly Call[]
  readonly readQueued: readonly Call[]
  readonly readCompleted: readonly Call[]
  /** The calls for an accepted request, by the number of reservations that were already open in the user's quota item. */
  readonly acceptedBeside: ReadonlyMap<number, readonly Call[]>
  readonly rejected: readonly Call[]
  /** The calls for an accepted request, by the route of its POST. A POST has no time to wait here, so it reads the request item at most once. */
  readonly posted: ReadonlyMap<string, readonly Call[]>
  /** The calls for a request that the quota refuses, by the route of its POST. */
  readonly refused: ReadonlyMap<string, readonly Call[]>
}

const TEXT = 'How fast?'

/** A POST per route. The first route is Sluice's own API, and the others are the OpenAI API. */
const WAYS = [
  { name: '/v1/inference', path: '/v1/inference', body: { prompt: TEXT }, code: 202 },
  {
    name: '/v1/responses, background',
    path: '/v1/responses',
    body: { model: 'text', input: TEXT, background: true },
    code: 200,
  },
  { name: '/v1/responses', path: '/v1/responses', body: { model: 'text', input: TEXT }, code: 'still_running' },
  {
    name: '/v1/chat/completions',
    path: '/v1/chat/completions',
    body: { model: 'text', messages: [{ role: 'user', content: TEXT }] },
    code: 'still_running',
  },
  { name: '/v1/completions', path: '/v1/completions', body: { model: 'text', prompt: TEXT }, code: 'still_running' },
  { name: '/v1/embeddings', path: '/v1/embeddings', body: { model: 'text', input: TEXT }, code: 'still_running' },
] as const

/** The numbers of open reservations for which an admission is measured. They make the quota item larger, and so its write dearer. */
const OPEN = [10, 50, 99]

/** Counts the AWS calls that Sluice's code makes for a request. The calls by which Lambda itself polls the queues are not counted. */
export async function countRequest(engines: Engines): Promise<RequestCalls> {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  const model = await startStubModel({ result: 'ok', usage })
  try {
    const stage = await newRequestStage(engines, model.url, { inFlight: IN_FLIGHT })
    const authorized = await stage.counting(stage.authorize)
    const authorizedAgain = await stage.counting(stage.authorize)
    const first = await stage.submit() // Creates the user's quota item. This happens once per window, so it is not counted.
    const readQueued = await stage.counting(() => stage.read(first.item.request_id))
    const worked = await stage.counting(stage.work)
    const outcome = await stage.takeEvents()
    const settled = await stage.counting(() => stage.collect(outcome))
    const readCompleted = await stage.counting(() => stage.read(first.item.request_id))
    const accepted = await stage.counting(stage.submit)
    await stage.work()
    await stage.collect(await stage.takeEvents())
    const acceptedBeside = await countBeside(stage)
    // The requests above have used up the limit of requests in flight. So the quota refuses the next request.
    const rejected = await stage.counting(() => stage.submit().catch(() => undefined))
    const { posted, refused } = await countPosts(stage)
    const steps = { authorized, authorizedAgain, accepted, worked, settled, readQueued, readCompleted }
    return { ...steps, acceptedBeside, rejected, posted, refused }
  } finally {
    model.close()
  }
}

async function countPosts(stage: RequestStage): Promise<Pick<RequestCalls, 'posted' | 'refused'>> {
  const [posted, refused] = [new Map<string, readonly Call[]>(), new Map<string, readonly Call[]>()]
  const caller = { user_id: 'poster' }
  const expectCode = async ({ path, body }: (typeof WAYS)[number], code: string | number, limits = {}) => {
    const answer = await stage.post(path, body, { ...caller, ...limits })
    if (answer.code !== code) throw new Error(`${path} answers ${answer.code}`)
  }
  // The first POST per route creates the user's quota item and the items of wait leases (the rights of calls to wait). It is not counted.
  for (const way of WAYS) await expectCode(way, way.code)
  for (const way of WAYS) {
    posted.set(way.name, await stage.counting(() => expectCode(way, way.code)))
    refused.set(way.name, await stage.counting(() => expectCode(way, 'quota_exceeded', { tokens: 1 })))
  }
  return { posted, refused }
}

async function countBeside(stage: RequestStage): Promise<Map<number, readonly Call[]>> {
  const beside = new Map<number, readonly Call[]>()
  for (let open = 0; open <= Math.max(...OPEN); open++) {
    const calls = await stage.counting(stage.submit)
    if (OPEN.includes(open)) beside.set(open, calls)
  }
  return beside
}

/** Returns a table of the AWS calls of a request. */
export async function benchCalls(engines: Engines): Promise<string> {
  const counted = await countRequest(engines)
  const rows = [
    row('key looked up', counted.authorized),
    row('accepted', counted.accepted),
    row('completed: worker', counted.worked),
    row('completed: collector', counted.settled),
    row('read, not completed', counted.readQueued),
    row('read, completed', counted.readCompleted),
    ...[...counted.acceptedBeside].map(([open, calls]) => row(`accepted, with ${open} open`, calls)),
    row('rejected', counted.rejected),
    ...[...counted.posted].map(([way, calls]) => row(`POST ${way}`, calls)),
    ...[...counted.refused].map(([way, calls]) => row(`POST ${way}, refused`, calls)),
  ]
  const head = ['request', 'sequential', 'total', 'units', 'bytes', 'calls']
  return `AWS calls a request, warm quota item, on ${engines.dynamoDbName}; units are DynamoDB's\n\n${table(head, rows)}`
}

const row = (name: string, calls: readonly Call[]): (string | number)[] => [
  name,
  sequential(calls),
  calls.length,
  round(unitsOf(calls), 1),
  bytesOf(calls),
  tally(calls),
]

/** The capacity units of DynamoDB that calls have used. With `names`, only calls of these commands count. */
export const unitsOf = (calls: readonly Call[], names?: readonly string[]): number =>
  calls.reduce((sum, { name, units = 0 }) => sum + (names === undefined || names.includes(name) ? units : 0), 0)

/** The total size of the bodies of calls in bytes. */
export const bytesOf = (calls: readonly Call[]): number => calls.reduce((sum, { bytes }) => sum + bytes, 0)
