import { EvaluationError, type Expression } from '../expressions/expression.ts'
import type { ModelAnswer, ModelFailure } from './port.ts'

/** Builds the body of a call for many requests: the results of their mappings. */
export const batchBody = (inputs: readonly unknown[]) => ({ inputs })

/** The answers for the requests, in their order, or the failure of the whole call. */
export type Outputs = { readonly ok: true; readonly outputs: readonly ModelAnswer[] } | ModelFailure

/**
 * Finds the elements of a batch's answer, one per input, in the order of the inputs: in `outputs`, or where
 * `batch.outputs` finds them. Elements that `batch.outputs` finds are sorted by their `index`, if each has one. Returns
 * undefined if the number of elements is not the number of inputs.
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
 * Returns the answer for the call itself, for the flow control: the failure of the whole call; or the halt that one
 * element reports; or the failure of one element, if every element failed and may be tried again; or else a success.
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
