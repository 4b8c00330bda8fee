import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { inTurn } from '../platform/serialize.ts'
import { EvaluationError } from './prepare.ts'
import { type Answer, type Said, serve, type Task } from './sandbox-worker.ts'

/** How long a task may take by the clock, whatever it does: more than JSONata's own bound, which leaves the thread alive. */
const KILL_AFTER_MS = 2_000

/** The same where its computing is bounded: the clock then only ends what gets no core, and must not refuse what waits for one. */
const STARVED_AFTER_MS = 10_000

const MEMORY_MB = 128

/** What tells the thread of ours from another that a bundle of this file may run in. */
const ROLE = 'jsonata'

interface Thread {
  /** One at a time. Rejects only if there can be no thread. */
  ask(task: Task, cpuMs: number | undefined): Promise<Answer>
}

let running: Thread | undefined
const oneByOne = inTurn()

/**
 * Evaluates in a thread that is ended when it takes too long or too much memory, since neither a regular expression nor a
 * function of JSONata's can be stopped otherwise. The next evaluation starts another one. Gives JSON text, or undefined for
 * nothing; rejects with `EvaluationError`, and with another error if there can be no thread. `cpuMs` bounds the time of a core
 * that the evaluation takes, without the start of the thread, the compilation and the reading of the input: on a busy machine, the
 * clock would tell of others.
 */
export function evaluateInThread(source: string, input: unknown, cpuMs?: number): Promise<string | undefined> {
  return oneByOne(async () => {
    running ??= startThread()
    // JSONata goes by the clock, too: where computing is bounded, it must not be the first.
    const timeout = cpuMs === undefined ? undefined : STARVED_AFTER_MS
    const answer = await running.ask({ source, input: JSON.stringify(input), timeout }, cpuMs)
    if ('problem' in answer) throw new EvaluationError(answer.problem)
    return answer.json
  })
}

function startThread(): Thread {
  // This very file, in a bundle, too: there it is a chunk of its own, since it is imported late.
  const worker = new Worker(new URL(import.meta.url), {
    workerData: ROLE,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, maxYoungGenerationSizeMb: 16 },
  })
  const ready = Promise.withResolvers<void>()
  /** Of the task that it has. */
  let reply: PromiseWithResolvers<Answer> | undefined
  let whenEvaluating: () => void = () => undefined
  const abandon = (problem: string) => {
    // One that was ended may still run out of memory, when another has taken its place.
    if (running === thread) running = undefined
    ready.resolve()
    reply?.resolve({ problem })
  }
  worker.on('message', (said: Said) => {
    if (said === 'ready') ready.resolve()
    else if (said === 'evaluating') whenEvaluating()
    else reply?.resolve(said)
  })
  worker.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') {
      ready.reject(error)
      reply?.reject(error)
    }
    abandon(`needs more than ${MEMORY_MB} MB of memory`)
  })

  const thread: Thread = {
    ask: async (task, cpuMs) => {
      await ready.promise
      reply = Promise.withResolvers()
      let answered = false
      const kill = (ms: number) => {
        abandon(`takes over ${ms} ms`)
        void worker.terminate()
      }
      // An answer that is here already counts, even if this side was too busy to see it in time.
      const end = (ms: number) => setImmediate(() => answered || kill(ms))
      const wallMs = cpuMs === undefined ? KILL_AFTER_MS : STARVED_AFTER_MS
      const timer = setTimeout(() => end(wallMs), wallMs)
      whenEvaluating = () => {
        if (cpuMs !== undefined) void hasUsed(worker, cpuMs, () => answered).then(isOver => isOver && end(cpuMs))
      }
      // It keeps the process alive only while it works.
      worker.ref()
      worker.postMessage(task)
      try {
        return await reply.promise
      } finally {
        answered = true
        clearTimeout(timer)
        worker.unref()
      }
    },
  }
  return thread
}

/** Resolves to true when a thread has computed for so long from now on, even in the midst of a regular expression; false once that does not matter. */
async function hasUsed(worker: Worker, ms: number, isAnswered: () => boolean): Promise<boolean> {
  try {
    const start = await worker.cpuUsage()
    for (let left = ms; left > 0 && !isAnswered(); ) {
      await pause(left, undefined, { ref: false })
      const { user, system } = await worker.cpuUsage(start)
      left = ms - (user + system) / 1_000
    }
    return !isAnswered()
  } catch {
    // The thread is gone, and so is the evaluation.
    return false
  }
}

if (workerData === ROLE && parentPort) serve(parentPort)
