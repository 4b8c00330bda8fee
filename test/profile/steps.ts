import { type Engines, startEngines } from '../bench/engines.ts'
import { newRequestStage, type RequestStage } from '../bench/request-stage.ts'
import { startStubModel } from '../bench/stub-model.ts'
import { round, table } from '../bench/table.ts'
import { Meter, type Metered, plus } from './metered.ts'
import { between, cpuOf } from './threads.ts'

const WARM_UP = 100
const REQUESTS = 500

/** What a step has used for all measured requests: ms of CPU of this thread (`own`), which runs the functions, and of each thread, and AWS calls. */
interface Used {
  readonly own: number
  readonly byThread: ReadonlyMap<string, number>
  readonly calls: ReadonlyMap<string, Metered>
}

/** Returns a table of the steps of a request: their AWS calls with bytes, and the CPU time of the functions and of the engines. */
export async function profileSteps(): Promise<string> {
  const engines = await startEngines()
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  const model = await startStubModel({ result: 'ok', usage })
  try {
    const meter = new Meter()
    const stage = await newRequestStage(meter.watch(engines), model.url, { inFlight: 1_000_000 })
    for (let i = 0; i < WARM_UP; i++) await live(stage, measurer(meter, new Map()))
    const used = new Map<string, Used>()
    for (let i = 0; i < REQUESTS; i++) await live(stage, measurer(meter, used))
    return show(engines, used)
  } finally {
    model.close()
    await engines.close()
  }
}

type Measure = <T>(step: string, act: () => Promise<T>) => Promise<T>

/** Runs one request from its POST to the GET of its result. As on Lambda, a poller receives the events of the results queue. */
async function live(stage: RequestStage, measure: Measure): Promise<void> {
  const accepted = await measure('1 gateway: accept', () => stage.submit())
  await measure('2 mapping and worker: receive, delete, run', () => stage.work())
  const outcome = await measure('3 mapping: receive, delete', () => stage.takeEvents())
  await measure('4 collector: the outcome', () => stage.collect(outcome))
  await measure('5 reader: the result', () => stage.read(accepted.item.request_id))
}

function measurer(meter: Meter, used: Map<string, Used>): Measure {
  return async (step, act) => {
    meter.take()
    const [byThread, own] = [cpuOf(process.pid), process.threadCpuUsage()]
    const result = await act()
    const { user, system } = process.threadCpuUsage(own)
    add(used, step, {
      own: (user + system) / 1_000,
      byThread: between(byThread, cpuOf(process.pid)),
      calls: meter.take(),
    })
    return result
  }
}

function add(used: Map<string, Used>, step: string, more: Used): void {
  const { own, byThread, calls }: Used = used.get(step) ?? { own: 0, byThread: new Map(), calls: new Map() }
  const threads = new Set([...byThread.keys(), ...more.byThread.keys()])
  const names = new Set([...calls.keys(), ...more.calls.keys()])
  used.set(step, {
    own: own + more.own,
    byThread: new Map([...threads].map(name => [name, (byThread.get(name) ?? 0) + (more.byThread.get(name) ?? 0)])),
    calls: new Map([...names].map(name => [name, plus(calls.get(name), more.calls.get(name))])),
  })
}

const ENGINES = ['dynamodb', 'sqs-s3', 'rds-data'] as const

function show({ dynamoDbName }: Engines, used: ReadonlyMap<string, Used>): string {
  const per = (amount: number, digits = 2) => round(amount / REQUESTS, digits)
  const steps = [...used]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([step, { own, byThread, calls }]) => {
      const all = [...calls.values()].reduce(plus, plus())
      const engines = ENGINES.map(name => per(byThread.get(name) ?? 0))
      return [step, per(all.calls, 1), per(all.sent, 0), per(all.received, 0), per(own), ...engines]
    })
  const byCall = [...used.values()].reduce((sums, { calls }) => {
    for (const [name, metered] of calls) sums.set(name, plus(sums.get(name), metered))
    return sums
  }, new Map<string, Metered>())
  const rows = [...byCall]
    .sort(([, a], [, b]) => b.calls - a.calls)
    .map(([name, { calls, sent, received }]) => [
      name,
      per(calls),
      Math.round(sent / calls),
      Math.round(received / calls),
    ])
  return [
    `One request at a time, step by step, ${REQUESTS} requests, on ${dynamoDbName}; ms of CPU per request: "functions" is our code with its SDK clients`,
    '',
    table(['step', 'AWS calls', 'bytes out', 'bytes in', 'functions', ...ENGINES], [...steps, sumOf(steps)]),
    '',
    table(['AWS call', 'per request', 'bytes out per call', 'bytes in per call'], rows),
  ].join('\n')
}

function sumOf(rows: readonly (readonly (string | number)[])[]): (string | number)[] {
  const width = rows[0]?.length ?? 0
  return Array.from({ length: width }, (_, column) =>
    column === 0 ? 'all' : round(rows.reduce((sum, row) => sum + Number(row[column]), 0)),
  )
}
