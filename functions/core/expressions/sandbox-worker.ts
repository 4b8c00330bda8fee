import type { MessagePort } from 'node:worker_threads'
import type { Expression } from 'jsonata'
import { type EvaluationError, evaluate, prepare } from './prepare.ts'
import { boundSearches } from './searches.ts'
import { boundSizes } from './sizes.ts'

export interface Task {
  readonly source: string
  /** The input as JSON text, because a text passes to the thread faster than a large value. */
  readonly input: string
  /** Replaces JSONata's usual timeout (`prepare.ts`), in milliseconds. Undefined if the usual timeout applies. */
  readonly timeoutMs: number | undefined
}

/** The answer to a task: JSON text or no result, or the message of an `EvaluationError`. */
export type Answer = { readonly json: string | undefined } | { readonly problem: string }

/**
 * A message of the sandbox's thread. `ready`: the thread has started. `evaluating`: the thread has read a task, and
 * begins to evaluate it. Any other message is the answer to a task.
 */
export type SandboxMessage = 'ready' | 'evaluating' | Answer

/** Runs in the sandbox's thread, and answers each task. */
export function runSandbox(port: MessagePort): void {
  boundSearches()
  const boundValue = boundSizes()
  const compiled = new Map<string, Expression>()
  const compile = (source: string, timeoutMs: number | undefined) => {
    const expression = prepare(source, timeoutMs)
    // JSONata calls this hook with the value of each part of an expression. So each value's size is checked. A single
    // huge value would end the whole process, and not only this thread.
    expression.assign(Symbol.for('jsonata.__evaluate_exit') as unknown as string, boundValue)
    compiled.set(keyOf(source, timeoutMs), expression)
    return expression
  }
  const say = (message: SandboxMessage) => port.postMessage(message)
  port.on('message', async ({ source, input, timeoutMs }: Task) => {
    const expression = compiled.get(keyOf(source, timeoutMs)) ?? compile(source, timeoutMs)
    const value: unknown = JSON.parse(input)
    say('evaluating')
    const answer = await evaluate(expression, value).then(
      (json): Answer => ({ json }),
      ({ message }: EvaluationError): Answer => ({ problem: message }),
    )
    say(answer)
  })
  say('ready')
}

const keyOf = (source: string, timeoutMs: number | undefined): string => `${timeoutMs} ${source}`
