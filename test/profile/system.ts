import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startStubModel } from '../bench/stub-model.ts'

/** The duration of a call to the model, in milliseconds. */
const MODEL_MS = 50
const root = fileURLToPath(new URL('../..', import.meta.url))

/** A local system in a new process, as `npm start` runs it. The model that it calls runs in the process of the profile. */
export interface ProfiledSystem {
  readonly pid: number
  /** Posts requests from several clients. Each client makes one POST after the other. Resolves when all requests have completed. */
  run(requests: number, clients: number): Promise<Run>
  /** The values of a metric on the page `/metrics`, added up per value of a label. */
  metric(name: string, label: string): Promise<ReadonlyMap<string, number>>
  stop(): Promise<void>
}

/** The seconds until all requests were posted, and until all had completed. */
export interface Run {
  readonly posted: number
  readonly completed: number
  /** The number of POSTs that were answered with 5xx and repeated. */
  readonly repeated: number
}

/** Starts a local system with the data folder `data`. It uses the Postgres of `DATABASE_URL`, if this variable is set. */
export async function startProfiled(data: string): Promise<ProfiledSystem> {
  const usage = { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 }
  const model = await startStubModel({ result: 'Its lamp still burned brightly.', usage }, MODEL_MS)
  const { PATH = '', HOME = '', DATABASE_URL } = process.env
  const env = {
    PATH,
    HOME,
    PORT: '0',
    SLUICE_DATA: data,
    SLUICE_CONFIG: fileURLToPath(new URL('pipeline.yaml', import.meta.url)),
    MODEL_URL: model.url,
    ...(DATABASE_URL !== undefined && { DATABASE_URL }),
  }
  const child = spawn(process.execPath, ['bin/local.ts'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  const output = await outputOf(child)
  const [, url = ''] = /^ready (\S+)/m.exec(output) ?? []
  const [key = ''] = /sk_sluice_\w+/.exec(output) ?? []
  const metric = (name: string, label: string) => metricAt(url, name, label)
  const completed = async () => sum((await metric('sluice_completed_requests_total', 'model')).values())
  return {
    pid: child.pid ?? 0,
    metric,
    async run(requests, clients) {
      const before = await completed()
      const start = performance.now()
      const repeated = await postAll(url, key, requests, clients)
      const posted = performance.now() - start
      while ((await completed()) < before + requests) await pause(200)
      return { posted: posted / 1_000, completed: (performance.now() - start) / 1_000, repeated }
    },
    async stop() {
      child.kill('SIGINT')
      await once(child, 'exit')
      model.close()
    },
  }
}

/** Waits until the system is ready, and resolves to its output. */
async function outputOf(child: ChildProcess): Promise<string> {
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', chunk => {
    output += chunk
  })
  const ready = new Promise<void>(resolve => child.stdout?.on('data', () => /^ready /m.test(output) && resolve()))
  await Promise.race([ready, once(child, 'exit')])
  if (!/^ready /m.test(output)) throw new Error('the local system has not started')
  return output
}

/**
 * Posts the requests. Returns the number of POSTs that were answered with 5xx and repeated. Such an answer comes if the machine is too
 * slow for the load, so that a function exceeds its timeout.
 */
async function postAll(url: string, key: string, requests: number, clients: number): Promise<number> {
  let next = 0
  let repeated = 0
  const client = async () => {
    while (next < requests) {
      const prompt = `The old lighthouse stood alone. Its lamp still burned brightly. ${next++}`
      const headers = { 'content-type': 'application/json', 'x-api-key': key }
      const post = { method: 'POST', headers, body: JSON.stringify({ prompt }) }
      for (let isAccepted = false; !isAccepted; ) {
        const response = await fetch(`${url}/v1/inference`, post)
        const answer = await response.text()
        isAccepted = response.status === 202
        if (response.status >= 500) repeated++
        else if (!isAccepted) throw new Error(`a post was answered ${response.status}: ${answer}`)
      }
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return repeated
}

async function metricAt(url: string, name: string, label: string): Promise<Map<string, number>> {
  const page = await (await fetch(`${url}/metrics`)).text()
  const sums = new Map<string, number>()
  for (const [, labels = '', value] of page.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'))) {
    const [, of = ''] = new RegExp(`${label}="([^"]*)"`).exec(labels) ?? []
    sums.set(of, (sums.get(of) ?? 0) + Number(value))
  }
  return sums
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0)
