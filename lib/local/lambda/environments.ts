import type { FunctionError } from './protocol.ts'
import type { Thread } from './thread.ts'

/** A thread of a function, and the invocations that it runs. */
export interface Environment {
  readonly thread: Thread
  running: number
  /** The time at which it began to start, or to run invocations. Undefined if it is idle. */
  busySince: number | undefined
  /** Whether it has imported the handler. */
  isReady: boolean
  /** Whether it gets no further invocation. Then it ends after its last invocation. */
  isRetired: boolean
  /** Whether it runs an invocation that must have the thread to itself. */
  isReserved: boolean
  usedAt: number
  idle: NodeJS.Timeout | undefined
}

/** `own`: an invocation that must have a thread to itself. */
export type Want = 'shared' | 'own'

export interface EnvironmentsOptions {
  /** Starts a thread, which calls `onUnfit` when it should get no further invocation. */
  start(onUnfit: () => void): Thread
  /** The most invocations at a time in one thread. */
  perThread: number
  /** Called when a thread has imported the handler, or could not import it. With an error, the thread is gone. */
  onStarted(error: FunctionError | undefined): void
  /** Called when a thread is gone. */
  onEnded(): void
}

/** A function's threads. */
export interface Environments extends Iterable<Environment> {
  /** The number of threads that may still get invocations. */
  readonly size: number
  start(): void
  /** Whether a thread has room. */
  hasRoom(want: Want): boolean
  /** Returns a thread that has room, and reserves a place in it. Undefined if no thread has room. */
  occupy(want: Want): Environment | undefined
  /** Call this when an invocation is over. */
  release(environment: Environment): Promise<void>
  /** Ends the threads that run nothing. The next invocation starts another one. */
  endIdle(): void
  /** Call this when an invocation has timed out. Lambda would end its environment. Here, the thread ends after the last of its other invocations. */
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
    // A thread that runs one invocation at a time may use all of the memory, as on Lambda.
    if (perThread === 1) return
    // A thread that imports its handler must run something before it ends. Otherwise, a large handler would start threads for ever.
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

/** With this order, the other threads become idle, and end. */
const busiestAndWarmest = (a: Environment, b: Environment): number => b.running - a.running || b.usedAt - a.usedAt

const longestIdle = (a: Environment, b: Environment): number => a.usedAt - b.usedAt
