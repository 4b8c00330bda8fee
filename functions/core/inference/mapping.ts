import type { Usage } from '../domain/item.ts'
import { findImpossibleNumber } from '../domain/json-numbers.ts'
import { findHostileText, isTooDeep, withoutHostileText, wouldLoseField } from '../domain/text.ts'
import { compileExpression, EvaluationError } from '../expressions/expression.ts'
import { makesObjectResult, saysNullResult } from './null-result.ts'
import { readUsage } from './usage.ts'

/** The fields that a request mapping sees (docs/mappings.md). A field of the body never replaces a field of Sluice. */
export interface RequestFields {
  readonly body: Record<string, unknown>
  readonly user_id: string
  readonly request_id: string
  readonly attempt: number
}

export interface MappedAnswer {
  readonly result: unknown
  /** Absent if the model reported no usage. */
  readonly usage?: Usage | undefined
  /** Whether a part of the reported usage can't be read. */
  readonly isUsageUnreadable: boolean
}

/** The two mappings of a model. Each rejects with `MappingError`. */
export interface Mappings {
  request(fields: RequestFields): Promise<unknown>
  response(answer: unknown): Promise<MappedAnswer>
}

/**
 * The error of a mapping that failed. Its message is a sentence that the request's owner may read. It also has the
 * usage that the model reported, if the usage was readable. The failed request is charged these tokens.
 */
export class MappingError extends Error {
  override readonly name = 'MappingError'
  readonly usage: Usage | undefined

  constructor(message: string, usage?: Usage) {
    super(message)
    this.usage = usage
  }
}

export function createMappings(settings: { request: string; response: string }): Mappings {
  const request = compileExpression(settings.request)
  const response = compileExpression(settings.response)
  const mayBeNull = saysNullResult(settings.response)
  const mayBeEmpty = !makesObjectResult(settings.response)
  return {
    request: async ({ body, ...own }) => {
      const mapped = await evaluating('request', () => request({ ...body, ...own }, own.user_id))
      if (mapped === undefined) throw new MappingError('the request mapping gives nothing to send')
      return mapped
    },
    response: async answer => {
      const mapped = await evaluating('response', () => response(answer), numberIn(answer))
      const { usage, isUnreadable } = readUsage(fieldOf(mapped, 'usage'))
      const result = fieldOf(mapped, 'result')
      if (result === undefined || (result === null && !mayBeNull) || (isEmptyObject(result) && !mayBeEmpty))
        throw new MappingError('the response mapping gives no result', usage)
      return { result: storable(result, usage), usage, isUsageUnreadable: isUnreadable }
    },
  }
}

/** The list that each answer of an operation of the OpenAI API must have. */
export interface AnswerList {
  readonly field: string
  readonly may_be_empty: boolean
}

/** Returns the whole answer as the result, with the usage in it. Throws `MappingError`. */
export function wholeAnswer(answer: unknown, { field, may_be_empty: mayBeEmpty }: AnswerList): MappedAnswer {
  const { usage, isUnreadable } = readUsage(fieldOf(answer, 'usage'))
  const entries = fieldOf(answer, field)
  if (!Array.isArray(entries) || (entries.length === 0 && !mayBeEmpty))
    throw new MappingError(`the model's answer has no \`${field}\``, usage)
  return { result: storable(answer, usage), usage, isUsageUnreadable: isUnreadable }
}

const fieldOf = (mapped: unknown, name: string): unknown =>
  typeof mapped === 'object' && mapped !== null ? new Map<string, unknown>(Object.entries(mapped)).get(name) : undefined

const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0

/**
 * Returns the result in a form that every store can keep. It does not check the parts of the answer that the mapping
 * leaves out.
 */
function storable(result: unknown, usage: Usage | undefined): unknown {
  const hostile = findHostileText(result)
  if (!hostile) return result
  const refused = (why: string) => new MappingError(`the result of the response mapping ${why}`, usage)
  const number = findImpossibleNumber(result)
  if (number !== undefined) throw refused(`has ${number}, a number that JSON can't hold`)
  if (isTooDeep(result)) throw refused(hostile.message)
  if (wouldLoseField(result)) throw refused(SAME_NAMES)
  const tidied = withoutHostileText(result)
  const problem = findHostileText(tidied)
  if (problem) throw refused(problem.message)
  return tidied
}

const SAME_NAMES = 'has two fields in one object whose names differ only in characters that no store keeps'

/**
 * Explains the failure of an expression if the answer has a number that JSON can't hold. When the answer was parsed, a
 * text has replaced the number. So an expression that calculates with the number fails.
 */
const numberIn = (answer: unknown) => () => {
  const number = findImpossibleNumber(answer)
  return number === undefined ? '' : `; the model's answer has ${number}, a number that JSON can't hold`
}

async function evaluating(which: string, evaluate: () => Promise<unknown>, why = () => ''): Promise<unknown> {
  try {
    return await evaluate()
  } catch (error) {
    if (error instanceof EvaluationError) throw new MappingError(`the ${which} mapping ${error.message}${why()}`)
    throw error
  }
}
