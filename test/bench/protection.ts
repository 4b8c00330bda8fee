import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { Settings } from '../../functions/worker/settings.ts'
import type { Engines } from './engines.ts'
import { newStage, newWorker, type ProtectedWorker } from './protected-worker.ts'
import { tally } from './recorder.ts'
import { table } from './table.ts'

const circuit = { failures: 5, within_ms: 60_000, open_ms: 30_000 }

/** What Lambda's mapping does for each invocation: it receives the messages in one call, and deletes them in another. */
const MAPPING_CALLS = 2

interface Case {
  readonly name: string
  readonly policies: Partial<Pick<Settings, 'circuit' | 'rate_limit' | 'batched'>>
  /** What comes first, and is not counted. */
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
    // Once to wait in the backlog, once to wait for its slot.
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

/** AWS calls of a worker, from a message to its outcome, or until it is put back, by what protects the model. */
export async function benchProtection(engines: Engines): Promise<string> {
  const model = await startModel()
  const stage = await newStage(engines)
  const measure = async ({ name, policies, before, act }: Case, number: number): Promise<(string | number)[]> => {
    const worker = await newWorker(stage, `model-${number}`, model.url, policies)
    await before?.(worker)
    const earlier = { calls: model.calls(), invocations: worker.invocations() }
    stage.recorder.take()
    await act(worker)
    const calls = stage.recorder.take()
    const invocations = worker.invocations() - earlier.invocations
    const sqs = calls.filter(call => call.name.startsWith('SendMessage')).length
    const mapping = MAPPING_CALLS * invocations
    const counts = [calls.length - sqs, sqs, mapping, calls.length + mapping]
    return [name, model.calls() - earlier.calls, invocations, ...counts, tally(calls)]
  }
  try {
    const rows: (string | number)[][] = []
    for (const [i, one] of CASES.entries()) rows.push(await measure(one, i))
    model.fail(1)
    rows.push(await measure(FAILING, CASES.length))
    const head = ['message', 'model calls', 'invocations', 'DynamoDB', 'SQS', 'mapping', 'total', "worker's calls"]
    return `AWS calls of a worker, by what protects its model; the mapping's are a receive and a delete an invocation\n\n${table(head, rows)}`
  } finally {
    model.close()
  }
}

/** A model that counts its calls, takes batches, too, and fails when it is told to. */
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
