import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createFairLine } from '../fair-line.ts'
import { createEnvironments, type Environment, type Want } from './environments.ts'
import type { FunctionError, InvocationResult } from './protocol.ts'
import type { Thread } from './thread.ts'

type Invoke = (event: string, group?: string, givenUp?: AbortSignal) => Promise<InvocationResult>

/** A function's threads, and the invocations that wait for a thread. */
export interface Pool {
  /**
   * Runs an event, given as JSON text. If no thread has room, it waits for one. Never rejects. If many events wait, the group with the
   * fewest running invocations is next: Lambda would start enough environments within a second, but this machine can't. If an event still
   * waits when its caller gives up, it never runs.
   */
  invoke: Invoke
  /**
   * Makes a function for a caller that never has more than `concurrency` invocations at the same time, such as an event source mapping. The
   * pool gets room for this number of further invocations. If invocations wait, callers take turns.
   */
  addCaller(concurrency: number): Invoke
  /** Lists the present threads. */
  threads(): { id: number; busy: boolean }[]
  /** Starts a thread if there is none, so that the next invocation need not wait for one. */
  warm(): void
  /** Ends the threads that run nothing. The next invocation starts another one. */
  endIdle(): void
  /** Ends a thread at once, whatever it does. Its running invocations fail as if its machine had crashed. */
  kill(threadId: number): Promise<void>
  /** Waits for the end of running invocations, for `graceMs` at most. Then ends all threads. */
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
  /** The most threads that may compute at a time, apart from the threads for added callers. More threads would only slow down each other. */
  usual: number
  /** Called for each invocation that failed. */
  onFailure(error: FunctionError, requestId: string): void
}

/**
 * A new thread takes a tenth of a second of CPU time, and tens of megabytes. If a function has this number of threads, another one starts only
 * when work has waited for `PATIENCE_MS` and no thread has become free. The existing threads finish short work sooner.
 */
const WARM_THREADS = 2
const PATIENCE_MS = 100
/** An invocation that has run for this time usually waits for something. So another thread may use its share of the cores. Milliseconds. */
const COMPUTES_FOR_MS = 1_000
/** An event with more characters may take much memory, and has a thread to itself. Requests of usual size are far smaller. */
const LARGE_EVENT = 256 * 1024

interface Waiting {
  caller: symbol | string | undefined
  resolve(environment: Environment | FunctionError): void
}

export function createPool({ start, limit, perThread, timeoutSeconds, usual, onFailure }: PoolOptions): Pool {
  const lineUp = () => createFairLine<Waiting>(({ caller }) => caller)
  const waiting = { own: lineUp(), shared: lineUp() }
  /** The number of running invocations of each caller. */
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
  /** Which line gets the next place, if both wait. */
  let turn: Want = 'own'

  const environments = createEnvironments({
    start,
    perThread,
    onStarted(error) {
      starting -= 1
      lastFreed = Date.now()
      // The thread would have taken this number of invocations.
      for (let i = 0; error && i < perThread; i++)
        (waiting.shared.shift(loadOf) ?? waiting.own.shift(loadOf))?.resolve(error)
      serve()
    },
    onEnded: () => grow(),
  })

  function grow(): void {
    const wanted = waiting.own.length + Math.ceil(waiting.shared.length / perThread)
    // Above the usual number, starting threads take the cores away from working threads.
    const atOnce = environments.size < computing ? WARM_THREADS : 1
    if (closed || wanted <= starting || starting >= atOnce || isFull()) return
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

  /**
   * Whether another thread would be of no use. An invocation that needs a thread to itself needs an idle thread, and also a place. If shared
   * threads have all places, no thread is ever idle. So one more thread is started, which waits for the next place.
   */
  function isFull(): boolean {
    if (environments.size >= most) return true
    return occupied >= most && (waiting.own.length === 0 || starting > 0 || environments.hasRoom('own'))
  }

  /** Returns the time from which another thread may compute, if no thread becomes free before. */
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

  /** Gives places in threads to waiting invocations. The two lines take turns, so no line waits for ever for the other. */
  function serve(): void {
    while (serveOne(turn) || serveOne(OTHER[turn]));
    grow()
  }

  function serveOne(want: Want): boolean {
    const environment = waiting[want].length > 0 ? occupy(want) : undefined
    if (!environment) return false
    const next = waiting[want].shift(loadOf)
    begin(next?.caller)
    next?.resolve(environment)
    turn = OTHER[want]
    return true
  }

  function take(want: Want, caller: Waiting['caller'], givenUp?: AbortSignal): Promise<Environment | FunctionError> {
    const environment = occupy(want)
    if (environment) {
      begin(caller)
      return Promise.resolve(environment)
    }
    return new Promise(resolve => {
      const waiter = { caller, resolve }
      waiting[want].push(waiter)
      const leave = () => waiting[want].remove(waiter) && resolve(GIVEN_UP)
      givenUp?.addEventListener('abort', leave, { once: true })
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

  async function invoke(event: string, caller?: symbol | string, givenUp?: AbortSignal): Promise<InvocationResult> {
    const requestId = randomUUID()
    const want = perThread > 1 && event.length > LARGE_EVENT ? 'own' : 'shared'
    const environment = closed ? CLOSING : await take(want, caller, givenUp)
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
    invoke,

    addCaller(concurrency) {
      most += concurrency
      computing += concurrency
      const caller = Symbol()
      return event => invoke(event, caller)
    },

    threads: () => [...environments].map(({ thread, busySince }) => ({ id: thread.id, busy: busySince !== undefined })),

    warm() {
      if (closed || starting > 0 || environments.size > 0) return
      starting += 1
      environments.start()
    },

    endIdle: environments.endIdle,

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

const GIVEN_UP: FunctionError = {
  errorType: 'TooManyRequestsException',
  errorMessage: 'The function had no free thread before its caller gave up. The event did not run.',
}

/** Whether an event did not run, because the function had no room for it before its caller gave up. */
export const isThrottled = (result: InvocationResult): boolean => !result.ok && result.error === GIVEN_UP

/** The line that is next after an invocation of this line got a place. */
const OTHER: Readonly<Record<Want, Want>> = { own: 'shared', shared: 'own' }

const TIMED_OUT_TYPE = 'Sandbox.Timedout'

function timedOut(requestId: string, seconds: number): InvocationResult {
  const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`
  return { ok: false, error: { errorType: TIMED_OUT_TYPE, errorMessage } }
}
