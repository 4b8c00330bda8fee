import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createFairLine } from '../fair-line.ts'
import { createEnvironments, type Environment, type Want } from './environments.ts'
import type { FunctionError, InvocationResult } from './protocol.ts'
import type { Thread } from './thread.ts'

type Invoke = (event: string, group?: string) => Promise<InvocationResult>

/** A function's threads, and the invocations that wait for one. */
export interface Pool {
  /**
   * Runs an event, given as JSON text; waits for a thread with room if there is none. Never rejects. Where many wait, the group that has
   * the fewest invocations running is next: Lambda would start as many environments within a second, which this machine can't.
   */
  invoke: Invoke
  /**
   * Another way to invoke, for one who never does so more often than `concurrency` at a time, as an event source mapping: it makes
   * room for so many invocations more, and where invocations wait, callers take turns.
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
  /** Starts a thread, which calls `onUnfit` when it should get no further invocation. */
  start(onUnfit: () => void): Thread
  /** The most invocations at a time, apart from those of added callers. */
  limit: number
  /** The most invocations at a time in one thread. */
  perThread: number
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
/** An event of so many characters may take much memory, and has a thread to itself. Requests of usual size are far below. */
const LARGE_EVENT = 256 * 1024

interface Waiting {
  caller: symbol | string | undefined
  resolve(environment: Environment | FunctionError): void
}

export function createPool({ start, limit, perThread, timeoutSeconds, usual, onFailure }: PoolOptions): Pool {
  const lineUp = () => createFairLine<Waiting>(({ caller }) => caller)
  const waiting = { own: lineUp(), shared: lineUp() }
  /** How many invocations of each caller are running. */
  const loads = new Map<unknown, number>()
  const loadOf = (caller: unknown): number => loads.get(caller) ?? 0
  const running = new Set<Promise<InvocationResult>>()
  let most = limit
  let computing = usual
  let occupied = 0
  let starting = 0
  let lastFreed = 0
  let patience: NodeJS.Timeout | undefined
  let closed = false

  const environments = createEnvironments({
    start,
    perThread,
    onStarted(error) {
      starting -= 1
      lastFreed = Date.now()
      // So many invocations would have gone into the thread.
      for (let i = 0; error && i < perThread; i++)
        (waiting.shared.shift(loadOf) ?? waiting.own.shift(loadOf))?.resolve(error)
      serve()
    },
    onEnded: () => grow(),
  })

  function grow(): void {
    const wanted = waiting.own.length + Math.ceil(waiting.shared.length / perThread)
    // Above the usual number, threads that start take the cores from those that work.
    const atOnce = environments.size < computing ? WARM_THREADS : 1
    const isFull = environments.size >= most || occupied >= most
    if (closed || wanted <= starting || starting >= atOnce || isFull) return
    const isUrgent = environments.size < WARM_THREADS || waiting.own.length > 0
    const startAt = isUrgent ? 0 : Math.max(lastFreed + PATIENCE_MS, fewComputeAt())
    const patienceLeft = startAt - Date.now()
    if (patienceLeft > 0) {
      clearTimeout(patience)
      patience = setTimeout(grow, patienceLeft)
      return
    }
    starting += 1
    environments.start()
  }

  /** When fewer threads compute than may, if none becomes free before. */
  function fewComputeAt(): number {
    const latestFirst = [...environments].map(({ busySince = 0 }) => busySince).sort((a, b) => b - a)
    return (latestFirst[computing - 1] ?? 0) + COMPUTES_FOR_MS
  }

  function occupy(want: Want): Environment | undefined {
    return occupied < most ? environments.occupy(want) : undefined
  }

  function begin(caller: Waiting['caller']): void {
    occupied += 1
    loads.set(caller, loadOf(caller) + 1)
  }

  function end(caller: Waiting['caller']): void {
    occupied -= 1
    if (loadOf(caller) > 1) loads.set(caller, loadOf(caller) - 1)
    else loads.delete(caller)
  }

  /** Gives threads with room to those that wait. One that needs a thread to itself is first, since it can't share one. */
  function serve(): void {
    for (const want of ['own', 'shared'] as const) {
      while (waiting[want].length > 0) {
        const environment = occupy(want)
        if (!environment) break
        const next = waiting[want].shift(loadOf)
        begin(next?.caller)
        next?.resolve(environment)
      }
    }
    grow()
  }

  function take(want: Want, caller: Waiting['caller']): Promise<Environment | FunctionError> {
    const environment = occupy(want)
    if (environment) {
      begin(caller)
      return Promise.resolve(environment)
    }
    return new Promise(resolve => {
      waiting[want].push({ caller, resolve })
      grow()
    })
  }

  async function run(environment: Environment, event: string, requestId: string): Promise<InvocationResult> {
    const timeout = Promise.withResolvers<InvocationResult>()
    const timer = setTimeout(() => timeout.resolve(timedOut(requestId, timeoutSeconds)), timeoutSeconds * 1000)
    const deadline = Date.now() + timeoutSeconds * 1000
    const result = await Promise.race([environment.thread.invoke({ event, requestId, deadline }), timeout.promise])
    clearTimeout(timer)
    const isTimeout = !result.ok && result.error.errorType === TIMED_OUT_TYPE
    await (isTimeout ? environments.giveUp(environment) : environments.release(environment))
    return result
  }

  async function invoke(event: string, caller?: symbol | string): Promise<InvocationResult> {
    const requestId = randomUUID()
    const want = perThread > 1 && event.length > LARGE_EVENT ? 'own' : 'shared'
    const environment = closed ? CLOSING : await take(want, caller)
    if ('errorType' in environment) {
      onFailure(environment, requestId)
      return { ok: false, error: environment }
    }
    const invocation = run(environment, event, requestId)
    running.add(invocation)
    const result = await invocation
    running.delete(invocation)
    end(caller)
    lastFreed = Date.now()
    serve()
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

    threads: () => [...environments].map(({ thread, busySince }) => ({ id: thread.id, busy: busySince !== undefined })),

    async kill(threadId) {
      const found = [...environments].find(({ thread }) => thread.id === threadId)
      await found?.thread.terminate()
    },

    async close(graceMs) {
      closed = true
      clearTimeout(patience)
      for (const line of [waiting.own, waiting.shared])
        for (let next = line.shift(loadOf); next; next = line.shift(loadOf)) next.resolve(CLOSING)
      await Promise.race([Promise.all(running), delay(graceMs, undefined, { ref: false })])
      await Promise.all([...environments].map(({ thread }) => thread.terminate()))
    },
  }
}

const CLOSING: FunctionError = { errorType: 'ServiceException', errorMessage: 'The local system is stopping.' }

const TIMED_OUT_TYPE = 'Sandbox.Timedout'

function timedOut(requestId: string, seconds: number): InvocationResult {
  const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`
  return { ok: false, error: { errorType: TIMED_OUT_TYPE, errorMessage } }
}
