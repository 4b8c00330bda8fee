import type { FunctionError } from './protocol.ts'
import type { Thread } from './thread.ts'

/** A thread of a function, and the invocations that it runs. */
export interface Environment {
  readonly thread: Thread
  running: number
  /** Since when it has been starting, or has run something. Undefined if it is idle. */
  busySince: number | undefined
  /** Whether it has imported the handler. */
  isReady: boolean
  /** Whether it gets no further invocation. It ends when its last one is over. */
  isRetired: boolean
  /** Whether it runs an invocation that must have a thread to itself. */
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
  /** Told that a thread has imported the handler, or could not. Then it is gone. */
  onStarted(error: FunctionError | undefined): void
  /** Told that a thread is gone. */
  onEnded(): void
}

/** A function's threads. */
export interface Environments extends Iterable<Environment> {
  /** How many may still get invocations. */
  readonly size: number
  start(): void
  /** Whether a thread has room. */
  hasRoom(want: Want): boolean
  /** A thread that has room. It is occupied from then on. Undefined if none has. */
  occupy(want: Want): Environment | undefined
  /** An invocation is over. */
  release(environment: Environment): Promise<void>
  /** Ends the threads that run nothing. The next invocation starts another one. */
  endIdle(): void
  /** An invocation has taken too long. Lambda would end its environment. Here, the thread ends with the last of its other invocations. */
  giveUp(environment: Environment): Promise<void>
}

/** A thread that is not the only one ends when it was idle for so long. Milliseconds. */
const IDLE_MS = 10_000
/** The same for the only one: the next invocation has to wait for another one. Milliseconds. */
const ONLY_IDLE_MS = 60_000

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

/** The others become idle, and end. */
const busiestAndWarmest = (a: Environment, b: Environment): number => b.running - a.running || b.usedAt - a.usedAt

const longestIdle = (a: Environment, b: Environment): number => a.usedAt - b.usedAt
