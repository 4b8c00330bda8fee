import { detailOfValue } from './detail.ts'
import type { Answered, ModelAnswer } from './port.ts'
import { conditionSentence } from './sentences.ts'
import { type Circumstances, codeOfCondition, codeOfStatus, failure, verdictOfStatus } from './verdict.ts'

/**
 * Judges one element of the answer to a batch. If a condition of pipeline.yaml holds, it decides. Otherwise the status
 * in the element's error decides.
 */
export function judgeElement(element: unknown, answered: Answered, by: Circumstances): ModelAnswer {
  const { status, content_type } = answered
  const error = errorOf(element)
  const own = statusIn(error) ?? statusIn(element)
  const told = { ...answered, status: own ?? status }
  const words = by.quotes ? detailOfValue(element) : undefined
  const detail = words === undefined ? {} : { detail: words }
  if (by.condition) {
    const code = codeOfCondition(by.condition, told.status)
    return { ...failure(by.condition, code, conditionSentence(by.condition, told), told, by), ...detail }
  }
  if (error === undefined) return { ok: true, answer: element, status, content_type }
  if (own === undefined) return { ...failure('drop', 'model_rejected', REFUSED, told, by), ...detail }
  const sentence = `the model answered ${own} for this request of a batch`
  return { ...failure(verdictOfStatus(own, by.rules), codeOfStatus(own), sentence, told, by), ...detail }
}

const REFUSED = 'the model refused this request of a batch'

/** Returns the error of an element. `null`, `false` and an empty text are no errors. */
function errorOf(element: unknown): unknown {
  if (typeof element !== 'object' || element === null || !('error' in element)) return undefined
  const { error } = element
  return error === null || error === false || error === '' ? undefined : error
}

/** Returns the HTTP status that an error names: `{ "code": 503 }`, `{ "status": "429" }`. */
function statusIn(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const fields = new Map<string, unknown>(Object.entries(error))
  return ['status', 'status_code', 'code']
    .map(name => Number(fields.get(name) ?? Number.NaN))
    .find(status => Number.isInteger(status) && status >= 400 && status <= 599)
}
