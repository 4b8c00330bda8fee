import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createFairLine } from '../fair-line.ts'
import type { FunctionError, InvocationResult } from './protocol.ts'
import type { Thread } from './thread.ts'

type Invoke = (event: string, group?: string) => Promise<InvocationResult>

/** A function's threads. */
export interface Pool {
  /**
   * Runs an event, given as JSON text; waits for a free thread if all are busy. Never rejects. Where many wait, the group that has the
   * fewest invocations running is next: Lambda would start as many environments within a second, which this machine can't.
   */
  invoke: Invoke
  /**
   * Another way to invoke, for one who never does so more often than `concurrency` at a time, as an event source mapping: it makes
   * room for so many threads more, and where invocations wait for one, callers take turns.
   */
  addCaller(concurrency: number): Invoke
  /** The threads that there are now. */
  threads(): { id: number; busy: boolean }[]
  /** Ends a thread at once, whatever it does: what it was running fails as if its machine had crashed. */
  kill(threadId: number): Promise<void>
  /** Lets running invocations end for `graceMs`, then ends all threads. */
  close(graceMs: number): Promise<void>
}

export interface PoolOptions {
  start(): Thread
  /** The most threads, which is the most invocations at a time, apart from those of added callers. */
  limit: number
  timeoutSeconds: number
  /** The most threads that may compute at a time, apart from those of added callers: more would only slow each other. */
  usual: number
  /** Told of each invocation that failed. */
  onFailure(error: FunctionError, requestId: string): void
}

/**
 * Starting a thread costs a tenth of a second of a core, and tens of megabytes: with so many warm, another one is started only
 * when work has waited this long without any of them becoming free. Short work is done sooner by those that are there.
 */
const WARM_THREADS = 2
const PATIENCE_MS = 100
/** An invocation that has run for so long mostly waits for something, and leaves its share of the cores to another thread. */
const COMPUTES_FOR_MS = 1_000

interface Waiting {
  caller: symbol | string | undefined
  resolve(thread: Thread | FunctionError): void
}

export function createPool({ start, limit, timeoutSeconds, usual, onFailure }: PoolOptions): Pool {
  /** All threads, and since when each of them is busy. */
  const busySince = new Map<Thread, number | undefined>()
  const idle: Thread[] = []
  const waiting = createFairLine<Waiting>(({ caller }) => caller)
  /** How many invocations of each caller are running. */
  const loads = new Map<unknown, number>()
  const loadOf = (caller: unknown): number => loads.get(caller) ?? 0
  const running = new Set<Promise<InvocationResult>>()
  let most = limit
  let computing = usual
  let starting = 0
  let lastFreed = 0
  let patience: NodeJS.Timeout | undefined
  let closed = false

  function grow(): void {
    // Above the usual number, threads that start take the cores from those that work.
    const atOnce = busySince.size < computing ? WARM_THREADS : 1
    if (closed || waiting.length <= starting || starting >= atOnce || busySince.size >= most) return
    const startAt = busySince.size < WARM_THREADS ? 0 : Math.max(lastFreed + PATIENCE_MS, fewComputeAt())
    const patienceLeft = startAt - Date.now()
    if (patienceLeft > 0) {
      clearTimeout(patience)
      patience = setTimeout(grow, patienceLeft)
      return
    }
    const thread = start()
    busySince.set(thread, Date.now())
    starting++
    void thread.ended.then(() => forget(thread))
    void thread.imported.then(error => {
      starting--
      if (!error) return free(thread)
      waiting.shift(loadOf)?.resolve(error)
      busySince.delete(thread)
      void thread.terminate()
      grow()
    })
  }

  /** When fewer threads compute than may, if none becomes free before. */
  function fewComputeAt(): number {
    const latestFirst = [...busySince.values()].map(since => since ?? 0).sort((a, b) => b - a)
    return (latestFirst[computing - 1] ?? 0) + COMPUTES_FOR_MS
  }

  function forget(thread: Thread): void {
    busySince.delete(thread)
    const index = idle.indexOf(thread)
    if (index >= 0) idle.splice(index, 1)
    grow()
  }

  function free(thread: Thread): void {
    if (!busySince.has(thread)) return
    lastFreed = Date.now()
    const next = waiting.shift(loadOf)
    busySince.set(thread, next && Date.now())
    if (next) next.resolve(thread)
    else idle.push(thread)
    grow()
  }

  function take(caller: symbol | string | undefined): Promise<Thread | FunctionError> {
    // The one used last is the warmest.
    const thread = idle.pop()
    if (thread) {
      busySince.set(thread, Date.now())
      return Promise.resolve(thread)
    }
    return new Promise(resolve => {
      waiting.push({ caller, resolve })
      grow()
    })
  }

  async function run(thread: Thread, event: string, requestId: string): Promise<InvocationResult> {
    const timeout = Promise.withResolvers<InvocationResult>()
    const timer = setTimeout(() => timeout.resolve(timedOut(requestId, timeoutSeconds)), timeoutSeconds * 1000)
    const deadline = Date.now() + timeoutSeconds * 1000
    const result = await Promise.race([thread.invoke({ event, requestId, deadline }), timeout.promise])
    clearTimeout(timer)
    if (!result.ok && result.error.errorType === TIMED_OUT_TYPE) await thread.terminate()
    else free(thread)
    return result
  }

  async function invoke(event: string, caller?: symbol | string): Promise<InvocationResult> {
    const requestId = randomUUID()
    const thread = closed ? CLOSING : await take(caller)
    if ('errorType' in thread) {
      onFailure(thread, requestId)
      return { ok: false, error: thread }
    }
    const invocation = run(thread, event, requestId)
    running.add(invocation)
    loads.set(caller, loadOf(caller) + 1)
    const result = await invocation
    running.delete(invocation)
    if (loadOf(caller) > 1) loads.set(caller, loadOf(caller) - 1)
    else loads.delete(caller)
    if (!result.ok) onFailure(result.error, requestId)
    return result
  }

  return {
    invoke: (event, group) => invoke(event, group),

    addCaller(concurrency) {
      most += concurrency
      computing += concurrency
      const caller = Symbol()
      return event => invoke(event, caller)
    },

    threads: () => [...busySince].map(([thread, since]) => ({ id: thread.id, busy: since !== undefined })),

    async kill(threadId) {
      const thread = [...busySince.keys()].find(candidate => candidate.id === threadId)
      await thread?.terminate()
    },

    async close(graceMs) {
      closed = true
      clearTimeout(patience)
      for (let next = waiting.shift(loadOf); next; next = waiting.shift(loadOf)) next.resolve(CLOSING)
      await Promise.race([Promise.all(running), delay(graceMs, undefined, { ref: false })])
      await Promise.all([...busySince.keys()].map(thread => thread.terminate()))
    },
  }
}

const CLOSING: FunctionError = { errorType: 'ServiceException', errorMessage: 'The local system is stopping.' }

const TIMED_OUT_TYPE = 'Sandbox.Timedout'

function timedOut(requestId: string, seconds: number): InvocationResult {
  const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`
  return { ok: false, error: { errorType: TIMED_OUT_TYPE, errorMessage } }
}
