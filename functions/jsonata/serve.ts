import type { MessagePort } from 'node:worker_threads'
import type { Expression } from 'jsonata'
import { type EvaluationError, evaluate, prepare } from './prepare.ts'
import { boundSearches } from './searches.ts'
import { boundSizes } from './sizes.ts'

/** An evaluation; `input` is JSON text, which is quicker to pass than a large value. */
export type Task = { readonly source: string; readonly input: string }

/** Its end: JSON text or nothing, or an `EvaluationError`'s message. */
export type Answer = { readonly json: string | undefined } | { readonly problem: string }

/** The thread's side: answers each task. The first message only says that it is ready. */
export function serve(port: MessagePort): void {
  boundSearches()
  const boundValue = boundSizes()
  const compiled = new Map<string, Expression>()
  const compile = (source: string) => {
    const expression = prepare(source)
    // JSONata's own hook, which it calls with the value of each part of an expression.
    expression.assign(Symbol.for('jsonata.__evaluate_exit') as unknown as string, boundValue)
    compiled.set(source, expression)
    return expression
  }
  port.on('message', async ({ source, input }: Task) => {
    const answer = await evaluate(compiled.get(source) ?? compile(source), JSON.parse(input)).then(
      (json): Answer => ({ json }),
      ({ message }: EvaluationError): Answer => ({ problem: message }),
    )
    port.postMessage(answer)
  })
  port.postMessage('ready')
}
