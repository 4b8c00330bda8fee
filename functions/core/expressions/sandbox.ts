import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { takeTurns } from '../platform/take-turns.ts'
import { EvaluationError } from './prepare.ts'
import { type Answer, runSandbox, type SandboxMessage, type Task } from './sandbox-worker.ts'

/**
 * The longest time of a task by the clock, in milliseconds. JSONata's own timeout is shorter, so that it usually ends a
 * task first. JSONata's timeout leaves the thread alive. This limit ends the thread, and the next task must wait for
 * the start of another one.
 */
const KILL_AFTER_MS = 2_000

/**
 * The longest time of a task by the clock if its CPU time is limited, in milliseconds. This limit is long, because it
 * must not end a task that only waits for the CPU on a busy machine. It ends a task that gets no CPU at all.
 */
const STARVED_AFTER_MS = 10_000

const MEMORY_MB = 128

/**
 * The `workerData` of the sandbox's thread. By this value, the file recognizes that it runs in this thread. The same
 * file also runs in other threads, where it must not answer tasks.
 */
const ROLE = 'jsonata'

interface Thread {
  /** Runs one task at a time. Rejects only if the thread can't start. */
  ask(task: Task, cpuMs: number | undefined): Promise<Answer>
}

let running: Thread | undefined
const inTurn = takeTurns()

/**
 * Evaluates an expression in a thread. If the evaluation takes too much time or memory, the thread is ended, because
 * nothing else can stop a regular expression or a function of JSONata. The next evaluation starts another thread.
 * Returns JSON text, or undefined if there is no result. Rejects with `EvaluationError`, or with another error if the
 * thread can't start.
 *
 * `cpuMs` limits the CPU time of the evaluation. The start of the thread, the compilation and the parsing of the input
 * do not count. CPU time is measured, because on a busy machine the clock would also count the work of other processes.
 *
 * All invocations of an environment share the thread. So users take turns: a user with slow requests must not delay the
 * requests of others.
 */
export function evaluateInThread(
  source: string,
  input: unknown,
  { cpuMs, userId }: { cpuMs?: number | undefined; userId?: string | undefined } = {},
): Promise<string | undefined> {
  return inTurn(userId, async () => {
    running ??= startThread()
    // JSONata measures its timeout by the clock. If the CPU time is limited, the limit of CPU time must apply first. So
    // JSONata gets a long timeout.
    const timeoutMs = cpuMs === undefined ? undefined : STARVED_AFTER_MS
    const answer = await running.ask({ source, input: JSON.stringify(input), timeoutMs }, cpuMs)
    if ('problem' in answer) throw new EvaluationError(answer.problem)
    return answer.json
  })
}

function startThread(): Thread {
  // The thread runs this same file. In a bundle, this file is a chunk of its own, because it is imported dynamically.
  // So `import.meta.url` names this chunk, also in a bundle.
  const worker = new Worker(new URL(import.meta.url), {
    workerData: ROLE,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, maxYoungGenerationSizeMb: 16 },
  })
  const ready = Promise.withResolvers<void>()
  /** The promise of the answer to the current task. */
  let reply: PromiseWithResolvers<Answer> | undefined
  let whenEvaluating: () => void = () => undefined
  const abandon = (problem: string) => {
    // A thread that was ended may still report an error when another thread has taken its place. Then the other thread
    // must stay in `running`. Otherwise the next task would start a third thread.
    if (running === thread) running = undefined
    ready.resolve()
    reply?.resolve({ problem })
  }
  worker.on('message', (said: SandboxMessage) => {
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
      // `setImmediate` lets an answer that has already arrived count, even if this side was too busy to read it in time.
      const end = (ms: number) => setImmediate(() => answered || kill(ms))
      const wallMs = cpuMs === undefined ? KILL_AFTER_MS : STARVED_AFTER_MS
      const timer = setTimeout(() => end(wallMs), wallMs)
      whenEvaluating = () => {
        if (cpuMs !== undefined) void hasUsed(worker, cpuMs, () => answered).then(isOver => isOver && end(cpuMs))
      }
      // The thread keeps the process alive only while the thread works on a task. Otherwise a program that has
      // evaluated an expression would not end.
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

/** Resolves to true when a thread has used this CPU time from now on, even inside a regular expression. Resolves to false after the answer. */
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
    // The thread is gone, and its evaluation is over.
    return false
  }
}

if (workerData === ROLE && parentPort) runSandbox(parentPort)
