import { compileExpression } from '../expressions/expression.ts'
import type { Clock } from '../platform/clock.ts'
import { findElements, type Outputs } from './batch.ts'
import { compileConditions } from './conditions.ts'
import { judgeElement } from './element-verdict.ts'
import type { Answered, Body, ModelAnswer, Reply, Verdict } from './port.ts'
import type { Retry } from './retry.ts'
import { kindOf } from './sentences.ts'
import { type Circumstances, judge } from './verdict.ts'

/** Judges the answers of a model. */
export interface Judge {
  /** Returns the verdict on a call for one request. */
  call(reply: Reply): Promise<ModelAnswer>
  /** Returns the verdicts on a call for a batch with `inputs` requests. */
  batch(reply: Reply, inputs: number): Promise<Outputs>
}

export interface JudgeSettings {
  readonly retry: Retry
  /** Whether the calls carry a secret. */
  readonly has_secret: boolean
  /**
   * A JSONata expression that finds the elements in the answer to a batch. Without it, the elements are in the answer's
   * field `outputs`.
   */
  readonly outputs?: string | undefined
}

/**
 * The longest time of the conditions of one call, for its answer or for all elements of a batch, in milliseconds.
 * Conditions that have not begun by then count as false. The calls of an invocation share one thread for slow
 * expressions, and the results of all calls must be published before the invocation ends. Otherwise these results are
 * lost, and the model is called again.
 */
const MAX_CONDITIONS_MS = 2_000

export function createJudge(rules: JudgeSettings, clock: Clock): Judge {
  const conditions = compileConditions(rules.retry, clock)
  const find = rules.outputs === undefined ? undefined : compileExpression(rules.outputs)
  const circumstances = (condition: Verdict | undefined, quotes: boolean): Circumstances => ({
    rules,
    condition,
    quotes,
    now: clock(),
  })

  const wholeCall = async (reply: Reply, quotes: boolean): Promise<ModelAnswer> => {
    const { kind } = reply
    const condition =
      kind === 'answered'
        ? await conditions({ ...seenOf(reply), body: seenBody(reply.body) }, clock() + MAX_CONDITIONS_MS)
        : undefined
    return judge(reply, circumstances(condition, quotes))
  }

  const elementsOf = async (elements: readonly unknown[], answered: Answered): Promise<ModelAnswer[]> => {
    const until = clock() + MAX_CONDITIONS_MS
    const judged: ModelAnswer[] = []
    for (const element of elements) {
      const condition = await conditions({ ...seenOf(answered), body: element }, until)
      judged.push(judgeElement(element, answered, circumstances(condition, elements.length === 1)))
    }
    return judged
  }

  return {
    call: reply => wholeCall(reply, true),
    batch: async (reply, inputs) => {
      // The conditions of pipeline.yaml are written for the answer to one request. So the answer to a batch is judged
      // element by element.
      if (reply.kind === 'answered' && reply.status < 300 && reply.body.kind === 'json') {
        const elements = await findElements(reply.body.value, inputs, find)
        if (elements) return { ok: true, outputs: await elementsOf(elements, reply) }
      }
      const whole = await wholeCall(reply, inputs === 1)
      return whole.ok ? tooFew(whole) : whole
    },
  }
}

const seenOf = ({ status, headers }: Answered) => ({ status, headers })

function seenBody(body: Body): unknown {
  if (body.kind === 'json') return body.value
  return body.kind === 'text' ? body.text : undefined
}

const tooFew = ({ status = 200, content_type }: Extract<ModelAnswer, { ok: true }>): Outputs => ({
  ok: false,
  verdict: 'drop',
  code: 'invalid_model_response',
  message: `the model's answer has not as many outputs as it was sent inputs (${kindOf({ status, content_type })})`,
  reached: true,
  status,
})
