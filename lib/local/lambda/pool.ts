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
   * Runs an event, given as JSON text. If no thread has room, the event waits for a thread. Never rejects. A group has the events of one user's calls. If
   * events of several groups wait, the group with the fewest running invocations is next. So one user's many calls do not delay the calls of others.
   * (Lambda has enough environments for all calls within a second, but this machine has not.) If an event still waits when `givenUp` is aborted, the
   * event never runs.
   */
  invoke: Invoke
  /**
   * Makes an `invoke` for a caller that never has more than `concurrency` invocations at the same time, such as an event source mapping. The
   * pool gets room for this number of further invocations. All invocations of the caller are one group.
   */
  addCaller(concurrency: number): Invoke
  /** Lists the threads that exist now. */
  threads(): { id: number; busy: boolean }[]
  /** Starts a thread if there is none, so that the next invocation need not wait for a thread to start. */
  warm(): void
  /** Ends the threads that run no invocation. The next invocation starts a new thread. */
  endIdle(): void
  /** Ends a thread at once, also while it runs invocations. These invocations fail, as after a crash of their machine. */
  kill(threadId: number): Promise<void>
  /** Waits for the end of running invocations, for `graceMs` milliseconds at most. Then ends all threads. */
  close(graceMs: number): Promise<void>
}

export interface PoolOptions {
  /** Starts a thread. The thread calls `onUnfit` when it should get no further invocation, for example because it uses too much memory. */
  start(onUnfit: () => void): Thread
  /** The highest number of simultaneous invocations, without those of callers that `addCaller` made. */
  limit: number
  /** The highest number of simultaneous invocations in one thread. */
  perThread: number
  timeoutSeconds: number
  /**
   * The number of threads that may compute at the same time. `addCaller` adds its own number to it. More threads would not finish earlier, since they
   * would share the same cores.
   */
  usual: number
  /** Called for each invocation that failed. It is not called for an invocation that `close` has ended, because this is no failure of the function. */
  onFailure(error: FunctionError, requestId: string): void
}

/**
 * A new thread takes a tenth of a second of CPU time, and tens of megabytes. So if a function has this number of threads, another thread starts only
 * when no thread has become free for `PATIENCE_MS`. The existing threads usually take short invocations sooner than a new thread could.
 */
const WARM_THREADS = 2
const PATIENCE_MS = 100
/** An invocation that has run for this time usually waits for a store or a model. So another thread may use its share of the cores. Milliseconds. */
const COMPUTES_FOR_MS = 1_000
/** An event with more characters may take much memory, so it gets a thread to itself. Usual events are far smaller. */
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
  /** Whether `close` no longer waits for running invocations, and ends their threads. */
  let isCutOff = false
  /** The kind of invocation that gets the next place in a thread, if invocations of both kinds wait. */
  let turn: Want = 'own'

  const environments = createEnvironments({
    start,
    perThread,
    onStarted(error) {
      starting -= 1
      lastFreed = Date.now()
      // The thread would have taken `perThread` invocations. So as many waiting invocations fail with the error of its start. Otherwise, if a handler can
      // never be imported, its callers would wait for ever.
      for (let i = 0; error && i < perThread; i++)
        (waiting.shared.shift(loadOf) ?? waiting.own.shift(loadOf))?.resolve(error)
      serve()
    },
    onEnded: () => grow(),
  })

  function grow(): void {
    const wanted = waiting.own.length + Math.ceil(waiting.shared.length / perThread)
    // If as many threads exist as may compute, starting threads take the cores away from working threads. So only one thread starts at a time.
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
   * Whether another thread would be of no use, because there is no place for its invocations. The pool has `most` places. There is one exception. An
   * invocation that needs a thread to itself needs a place and also an idle thread. If shared threads take each free place, no thread ever becomes
   * idle. So one more thread is started, which stays idle until a place is free.
   */
  function isFull(): boolean {
    if (environments.size >= most) return true
    return occupied >= most && (waiting.own.length === 0 || starting > 0 || environments.hasRoom('own'))
  }

  /**
   * Returns the time at which fewer than `computing` threads will compute, if no thread becomes free earlier. Epoch milliseconds. A thread counts as
   * computing for `COMPUTES_FOR_MS` after it has become busy.
   */
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

  /** Gives places in threads to waiting invocations. The two kinds of invocations take turns, so neither kind waits for ever for the other. */
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
    return isCutOff && !result.ok ? { ok: false, error: CLOSING } : result
  }

  function report(error: FunctionError, requestId: string): void {
    if (error !== CLOSING) onFailure(error, requestId)
  }

  async function invoke(event: string, caller?: symbol | string, givenUp?: AbortSignal): Promise<InvocationResult> {
    const requestId = randomUUID()
    const want = perThread > 1 && event.length > LARGE_EVENT ? 'own' : 'shared'
    const environment = closed ? CLOSING : await take(want, caller, givenUp)
    if ('errorType' in environment) {
      report(environment, requestId)
      return { ok: false, error: environment }
    }
    const invocation = run(environment, event, requestId)
    running.add(invocation)
    const result = await invocation
    running.delete(invocation)
    end(caller)
    lastFreed = Date.now()
    serve()
    if (!result.ok) report(result.error, requestId)
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
      isCutOff = true
      await Promise.all([...environments].map(({ thread }) => thread.terminate()))
    },
  }
}

const CLOSING: FunctionError = { errorType: 'ServiceException', errorMessage: 'The local system is stopping.' }

const GIVEN_UP: FunctionError = {
  errorType: 'TooManyRequestsException',
  errorMessage: 'The function had no free thread before its caller gave up. The event did not run.',
}

/** Whether an event did not run, because the function had no room for the event before its caller gave up. */
export const isThrottled = (result: InvocationResult): boolean => !result.ok && result.error === GIVEN_UP

/** After an invocation of one kind has got a place, the kind that gets the next place. */
const OTHER: Readonly<Record<Want, Want>> = { own: 'shared', shared: 'own' }

const TIMED_OUT_TYPE = 'Sandbox.Timedout'

function timedOut(requestId: string, seconds: number): InvocationResult {
  const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`
  return { ok: false, error: { errorType: TIMED_OUT_TYPE, errorMessage } }
}
