import type { FunctionError } from './protocol.ts'
import type { Thread } from './thread.ts'

/** A thread of a function, and the state of its invocations. It has the role of an execution environment of Lambda. */
export interface Environment {
  readonly thread: Thread
  running: number
  /** The time at which the thread began to start, or later became busy. Epoch milliseconds. Undefined if the thread is idle. */
  busySince: number | undefined
  /** Whether the thread has imported the handler. */
  isReady: boolean
  /** Whether the thread gets no further invocation. Such a thread ends after its last invocation. */
  isRetired: boolean
  /** Whether the thread runs an invocation that must have the thread to itself. */
  isReserved: boolean
  usedAt: number
  idle: NodeJS.Timeout | undefined
}

/** The kind of an invocation. `own`: it must have a thread to itself. `shared`: it may run beside other invocations. */
export type Want = 'shared' | 'own'

export interface EnvironmentsOptions {
  /** Starts a thread. The thread calls `onUnfit` when it should get no further invocation, for example because it uses too much memory. */
  start(onUnfit: () => void): Thread
  /** The highest number of simultaneous invocations in one thread. */
  perThread: number
  /** Called when a thread has imported the handler, or could not import it. In the second case, it gets the error, and the thread has ended. */
  onStarted(error: FunctionError | undefined): void
  /** Called when a thread has ended. */
  onEnded(): void
}

/** A function's threads. */
export interface Environments extends Iterable<Environment> {
  /** The number of threads that may still get invocations. */
  readonly size: number
  start(): void
  /** Whether a thread has room for an invocation of this kind. */
  hasRoom(want: Want): boolean
  /** Returns a thread that has room for an invocation of this kind, and reserves a place in the thread. Undefined if no thread has room. */
  occupy(want: Want): Environment | undefined
  /** Call this when an invocation has ended, unless it has timed out. */
  release(environment: Environment): Promise<void>
  /** Ends the threads that run no invocation. The next invocation starts a new thread. */
  endIdle(): void
  /** Call this when an invocation has timed out. Lambda would end the environment at once. Here, the thread ends after its other invocations. */
  giveUp(environment: Environment): Promise<void>
}

/** If a function has several threads, a thread ends when it was idle for this time. Milliseconds. */
const IDLE_MS = 10_000
/** If a function has only one thread, it ends when it was idle for this time. The next invocation must then wait for a new thread. Milliseconds. */
const ONLY_IDLE_MS = 20_000

export function createEnvironments({ start, perThread, onStarted, onEnded }: EnvironmentsOptions): Environments {
  const all = new Set<Environment>()
  let uses = 0

  const live = (): Environment[] => [...all].filter(({ isRetired }) => !isRetired)

  async function end(environment: Environment): Promise<void> {
    environment.isRetired = true
    clearTimeout(environment.idle)
    await environment.thread.terminate()
  }

  function restIfIdle(environment: Environment): void {
    if (environment.running > 0) return
    environment.busySince = undefined
    environment.isReserved = false
    environment.idle = setTimeout(() => {
      if (live().length > 1) return void end(environment)
      environment.idle = setTimeout(() => void end(environment), ONLY_IDLE_MS - IDLE_MS).unref()
    }, IDLE_MS).unref()
  }

  function retireIfShared(environment: Environment): void {
    // A thread that runs one invocation at a time may use all of its function's memory, as on Lambda. So it still gets invocations.
    if (perThread === 1) return
    // A thread that is still importing its handler will get invocations, too. Otherwise, each thread of a large handler would end before it has run an
    // invocation, and the next thread would start, for ever.
    if (!environment.isReady) return
    environment.isRetired = true
    if (environment.running === 0) void end(environment)
  }

  const hasRoom = ({ isReady, isRetired, isReserved, running }: Environment, want: Want): boolean =>
    isReady && !isRetired && !isReserved && running < (want === 'own' ? 1 : perThread)

  return {
    get size() {
      return live().length
    },

    [Symbol.iterator]: () => all.values(),

    start() {
      const environment: Environment = {
        thread: start(() => retireIfShared(environment)),
        running: 0,
        busySince: Date.now(),
        isReady: false,
        isRetired: false,
        isReserved: false,
        usedAt: 0,
        idle: undefined,
      }
      all.add(environment)
      void environment.thread.ended.then(() => {
        environment.isRetired = true
        clearTimeout(environment.idle)
        all.delete(environment)
        onEnded()
      })
      void environment.thread.imported.then(error => {
        if (error) {
          all.delete(environment)
          void environment.thread.terminate()
        } else environment.isReady = true
        onStarted(error)
        if (!error && !environment.isRetired) restIfIdle(environment)
      })
    },

    hasRoom: want => [...all].some(one => hasRoom(one, want)),

    occupy(want) {
      const found = [...all].filter(one => hasRoom(one, want)).sort(want === 'own' ? longestIdle : busiestAndWarmest)[0]
      if (!found) return undefined
      clearTimeout(found.idle)
      found.running += 1
      found.busySince ??= Date.now()
      found.isReserved = want === 'own'
      uses += 1
      found.usedAt = uses
      return found
    },

    async release(environment) {
      environment.running -= 1
      if (!environment.isRetired) return restIfIdle(environment)
      if (environment.running === 0) await end(environment)
    },

    endIdle() {
      for (const one of all) if (one.isReady && one.running === 0) void end(one)
    },

    async giveUp(environment) {
      environment.running -= 1
      environment.isRetired = true
      if (environment.running === 0) await end(environment)
    },
  }
}

/** Chooses the thread with the most running invocations or, of several, the thread that was used last. So the other threads become idle, and end. */
const busiestAndWarmest = (a: Environment, b: Environment): number => b.running - a.running || b.usedAt - a.usedAt

const longestIdle = (a: Environment, b: Environment): number => a.usedAt - b.usedAt
