import type { MessagePort } from 'node:worker_threads'
import type { Expression } from 'jsonata'
import { type EvaluationError, evaluate, prepare } from './prepare.ts'
import { boundSearches } from './searches.ts'
import { boundSizes } from './sizes.ts'

export interface Task {
  readonly source: string
  /** JSON text, which is quicker to pass than a large value. */
  readonly input: string
  /** In place of JSONata's own. Milliseconds. */
  readonly timeout: number | undefined
}

/** Its end: JSON text or nothing, or an `EvaluationError`'s message. */
export type Answer = { readonly json: string | undefined } | { readonly problem: string }

/** What the thread says: that it is ready, that it has read a task and evaluates it now, or how that came out. */
export type Said = 'ready' | 'evaluating' | Answer

/** The thread's side: answers each task. */
export function serve(port: MessagePort): void {
  boundSearches()
  const boundValue = boundSizes()
  const compiled = new Map<string, Expression>()
  const compile = (source: string, timeout: number | undefined) => {
    const expression = prepare(source, timeout)
    // JSONata's own hook, which it calls with the value of each part of an expression.
    expression.assign(Symbol.for('jsonata.__evaluate_exit') as unknown as string, boundValue)
    compiled.set(keyOf(source, timeout), expression)
    return expression
  }
  const say = (said: Said) => port.postMessage(said)
  port.on('message', async ({ source, input, timeout }: Task) => {
    const expression = compiled.get(keyOf(source, timeout)) ?? compile(source, timeout)
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

const keyOf = (source: string, timeout: number | undefined): string => `${timeout} ${source}`
