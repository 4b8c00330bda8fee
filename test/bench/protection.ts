import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { Settings } from '../../functions/worker/settings.ts'
import { MAPPING_CALLS } from '../../lib/cost/calls.ts'
import type { Engines } from './engines.ts'
import { newStage, newWorker, type ProtectedWorker } from './protected-worker.ts'
import { type Call, tally } from './recorder.ts'
import { table } from './table.ts'

const circuit = { failures: 5, within_ms: 60_000, open_ms: 30_000 }

interface Case {
  readonly name: string
  readonly policies: Partial<Pick<Settings, 'circuit' | 'rate_limit' | 'batched'>>
  /** Prepares the case. The AWS calls of this step are not counted. */
  readonly before?: (worker: ProtectedWorker) => Promise<void>
  readonly act: (worker: ProtectedWorker) => Promise<void>
}

const CASES: readonly Case[] = [
  {
    name: 'closed circuit, read within a second',
    policies: { circuit },
    before: worker => worker.invoke(),
    act: worker => worker.invoke(),
  },
  { name: 'closed circuit', policies: { circuit }, act: worker => worker.invoke() },
  {
    name: 'rate limit, called at once',
    policies: { rate_limit: { count: 10, interval_ms: 60_000 } },
    act: worker => worker.invoke(),
  },
  {
    name: 'rate limit, called a minute later',
    policies: { rate_limit: { count: 1, interval_ms: 60_000 } },
    before: async worker => {
      await worker.invoke()
      worker.advance(1_000)
    },
    // The message is deferred twice: it waits with the requests that have no slot yet (the backlog), and then for its slot.
    act: async worker => {
      await worker.invoke()
      await worker.invokeAgain()
      await worker.invokeAgain()
    },
  },
  {
    name: 'open circuit, put back once',
    policies: { circuit },
    before: worker => worker.openCircuit(),
    act: worker => worker.invoke(),
  },
  { name: 'batch of 10 requests', policies: { circuit, batched: true }, act: worker => worker.invoke(10) },
]

const FAILING: Case = {
  name: 'failed call, and its retry',
  policies: { circuit },
  act: async worker => {
    await worker.invoke()
    await worker.invokeAgain()
  },
}

interface Counted {
  readonly calls: readonly Call[]
  readonly modelCalls: number
  readonly invocations: number
}

/** Counts the AWS calls of a worker in each case of the flow control, such as an open circuit. */
export async function countProtection(engines: Engines): Promise<ReadonlyMap<string, readonly Call[]>> {
  return new Map([...(await countAll(engines))].map(([name, { calls }]) => [name, calls]))
}

async function countAll(engines: Engines): Promise<Map<string, Counted>> {
  const model = await startModel()
  const stage = await newStage(engines)
  const measure = async ({ policies, before, act }: Case, number: number): Promise<Counted> => {
    const worker = await newWorker(stage, `model-${number}`, model.url, policies)
    await before?.(worker)
    const earlier = { calls: model.calls(), invocations: worker.invocations() }
    stage.recorder.take()
    await act(worker)
    return {
      calls: stage.recorder.take(),
      modelCalls: model.calls() - earlier.calls,
      invocations: worker.invocations() - earlier.invocations,
    }
  }
  try {
    const counted = new Map<string, Counted>()
    for (const [i, one] of CASES.entries()) counted.set(one.name, await measure(one, i))
    model.fail(1)
    return counted.set(FAILING.name, await measure(FAILING, CASES.length))
  } finally {
    model.close()
  }
}

/** Returns a table with the AWS calls of a worker per case: from the receipt of a message to its outcome or its deferral. */
export async function benchProtection(engines: Engines): Promise<string> {
  const rows = [...(await countAll(engines))].map(([name, { calls, modelCalls, invocations }]) => {
    const sqs = calls.filter(call => call.name.startsWith('SendMessage')).length
    const mapping = MAPPING_CALLS * invocations
    const counts = [calls.length - sqs, sqs, mapping, calls.length + mapping]
    return [name, modelCalls, invocations, ...counts, tally(calls)]
  })
  const head = ['message', 'model calls', 'invocations', 'DynamoDB', 'SQS', 'mapping', 'total', "worker's calls"]
  return `AWS calls of a worker, by what protects its model; the mapping's are a receive and a delete an invocation\n\n${table(head, rows)}`
}

/** Starts an HTTP server as a model. It counts its calls, accepts batches, and fails as often as the benchmark says. */
async function startModel() {
  let calls = 0
  let failing = 0
  const server = createServer(async (request, response) => {
    const { inputs } = (await json(request)) as { inputs?: readonly unknown[] }
    calls++
    if (failing-- > 0) response.writeHead(503)
    response.end(JSON.stringify(inputs ? { outputs: inputs.map(() => ({ result: 'ok' })) } : { result: 'ok' }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/predict`,
    calls: () => calls,
    fail: (times: number) => {
      failing = times
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
