import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createFairLine } from '../fair-line.ts'
import type { FunctionError, InvocationResult } from './protocol.ts'
import type { Thread } from './thread.ts'

type Invoke = (event: string, group?: string) => Promise<InvocationResult>

/** A function's threads. */
export type Pool = {
  /**
   * Runs an event, given as JSON text; waits for a free thread if all are busy. Never rejects. Where many wait, groups take turns:
   * Lambda would start as many environments within a second, which this machine can't.
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

export type PoolOptions = {
  start(): Thread
  /** The most threads, which is the most invocations at a time, apart from those of added callers. */
  limit: number
  timeoutSeconds: number
  /** As many threads as work that computes is worth; more are started only where all of these wait for something. */
  usual: number
  /** Told of each invocation that failed. */
  onFailure(error: FunctionError, requestId: string): void
}

/**
 * Starting a thread costs a tenth of a second of a core, and tens of megabytes: with so many warm, another one is started only
 * when work has waited this long without any of them becoming free. Short work is done sooner by those that are there.
 */
const warmThreads = 2
const patienceMs = 100
/** The same above the usual number of threads: of so many that compute, one becomes free within this time, so that all of them wait. */
const waitingPatienceMs = 1_000

type Waiting = { caller: symbol | string | undefined; resolve(thread: Thread | FunctionError): void }

export function createPool({ start, limit, timeoutSeconds, usual, onFailure }: PoolOptions): Pool {
  const busy = new Map<Thread, boolean>()
  const idle: Thread[] = []
  const waiting = createFairLine<Waiting>(({ caller }) => caller)
  const running = new Set<Promise<InvocationResult>>()
  let most = limit
  let computing = usual
  let starting = 0
  let lastFreed = 0
  let patience: NodeJS.Timeout | undefined
  let closed = false

  function grow(): void {
    if (closed || waiting.length <= starting || starting >= warmThreads || busy.size >= most) return
    const patienceNow = busy.size < computing ? patienceMs : waitingPatienceMs
    const patienceLeft = busy.size < warmThreads ? 0 : lastFreed + patienceNow - Date.now()
    if (patienceLeft > 0) {
      clearTimeout(patience)
      patience = setTimeout(grow, patienceLeft)
      return
    }
    const thread = start()
    busy.set(thread, true)
    starting++
    void thread.ended.then(() => forget(thread))
    void thread.imported.then(error => {
      starting--
      if (!error) return free(thread)
      waiting.shift()?.resolve(error)
      busy.delete(thread)
      void thread.terminate()
      grow()
    })
  }

  function forget(thread: Thread): void {
    busy.delete(thread)
    const index = idle.indexOf(thread)
    if (index >= 0) idle.splice(index, 1)
    grow()
  }

  function free(thread: Thread): void {
    if (!busy.has(thread)) return
    lastFreed = Date.now()
    const next = waiting.shift()
    busy.set(thread, next !== undefined)
    if (next) next.resolve(thread)
    else idle.push(thread)
    grow()
  }

  function take(caller: symbol | string | undefined): Promise<Thread | FunctionError> {
    // The one used last is the warmest.
    const thread = idle.pop()
    if (thread) {
      busy.set(thread, true)
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
    if (!result.ok && result.error.errorType === timedOutType) await thread.terminate()
    else free(thread)
    return result
  }

  async function invoke(event: string, caller?: symbol | string): Promise<InvocationResult> {
    const requestId = randomUUID()
    const thread = closed ? closing : await take(caller)
    if ('errorType' in thread) {
      onFailure(thread, requestId)
      return { ok: false, error: thread }
    }
    const invocation = run(thread, event, requestId)
    running.add(invocation)
    const result = await invocation
    running.delete(invocation)
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

    threads: () => [...busy].map(([thread, isBusy]) => ({ id: thread.id, busy: isBusy })),

    async kill(threadId) {
      const thread = [...busy.keys()].find(candidate => candidate.id === threadId)
      await thread?.terminate()
    },

    async close(graceMs) {
      closed = true
      clearTimeout(patience)
      for (let next = waiting.shift(); next; next = waiting.shift()) next.resolve(closing)
      await Promise.race([Promise.all(running), delay(graceMs, undefined, { ref: false })])
      await Promise.all([...busy.keys()].map(thread => thread.terminate()))
    },
  }
}

const closing: FunctionError = { errorType: 'ServiceException', errorMessage: 'The local system is stopping.' }

const timedOutType = 'Sandbox.Timedout'

function timedOut(requestId: string, seconds: number): InvocationResult {
  const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`
  return { ok: false, error: { errorType: timedOutType, errorMessage } }
}
