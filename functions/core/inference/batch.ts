import { EvaluationError, type Expression } from '../expressions/expression.ts'
import type { ModelAnswer, ModelFailure } from './port.ts'

/** Builds the body of a call for many requests: the results of their mappings. */
export const batchBody = (inputs: readonly unknown[]) => ({ inputs })

/** The model's answers to the requests of a batch, in the order of the requests, or the failure of the whole call. */
export type Outputs = { readonly ok: true; readonly outputs: readonly ModelAnswer[] } | ModelFailure

/**
 * Finds the elements of the answer to a batch, one per input, in the order of the inputs. They are in the answer's
 * field `outputs`, or where the expression `batch.outputs` of pipeline.yaml finds them. Elements that the expression
 * finds are sorted by their `index`, if each element has one. Returns undefined if the number of elements is not the
 * number of inputs, because a user could then get the answer to another user's request.
 */
export async function findElements(
  answer: unknown,
  inputs: number,
  find: Expression | undefined,
): Promise<readonly unknown[] | undefined> {
  const found = find ? inOrder(listOf(await evaluated(find, answer), inputs)) : outputsOf(answer)
  return found?.length === inputs ? found : undefined
}

function outputsOf(answer: unknown): readonly unknown[] | undefined {
  const isObject = typeof answer === 'object' && answer !== null && 'outputs' in answer
  return isObject && Array.isArray(answer.outputs) ? answer.outputs : undefined
}

/**
 * Returns the list that an expression has found. JSONata turns a list with one item into that item, so a single item
 * counts as a list of one.
 */
function listOf(found: unknown, inputs: number): readonly unknown[] | undefined {
  if (Array.isArray(found)) return found
  return inputs === 1 && found !== undefined && found !== null ? [found] : undefined
}

async function evaluated(find: Expression, answer: unknown): Promise<unknown> {
  try {
    return await find(answer)
  } catch (error) {
    if (error instanceof EvaluationError) return undefined
    throw error
  }
}

function inOrder(elements: readonly unknown[] | undefined): readonly unknown[] | undefined {
  const indexed = elements?.flatMap(element => {
    const index = indexOf(element)
    return index === undefined ? [] : [{ index, element }]
  })
  const hasIndexes =
    indexed?.length === elements?.length && new Set(indexed?.map(({ index }) => index)).size === elements?.length
  return hasIndexes ? indexed?.toSorted((a, b) => a.index - b.index).map(({ element }) => element) : elements
}

function indexOf(element: unknown): number | undefined {
  if (typeof element !== 'object' || element === null || !('index' in element)) return undefined
  return typeof element.index === 'number' && Number.isInteger(element.index) ? element.index : undefined
}

/**
 * Returns one answer for the whole call of a batch, by which the flow control judges the model (circuit breaker, halt).
 * If the call failed as a whole, this failure is returned. If the failure of an element halts the model, that failure
 * is returned. If every element failed and may be tried again, the failure of the first element is returned. Otherwise
 * a success is returned, because the model works.
 */
export function callOf(outputs: Outputs): ModelAnswer {
  if (!outputs.ok) return outputs
  const failures = outputs.outputs.filter(one => !one.ok)
  const halt = failures.find(({ verdict }) => verdict === 'halt')
  if (halt) return halt
  const [first] = failures
  const hasFailed = failures.length === outputs.outputs.length && failures.every(({ verdict }) => verdict === 'retry')
  return hasFailed && first ? first : { ok: true, answer: undefined }
}
