import * as z from 'zod'
import { MAX_TOKENS } from '../domain/estimate.ts'
import type { Usage } from '../domain/item.ts'
import { problemsOf } from '../domain/problems.ts'
import { findHostileText } from '../domain/text.ts'
import { compileExpression, EvaluationError } from '../expressions/expression.ts'

/** The fields that a request mapping sees (docs/mappings.md). A field of the body does not replace one of Sluice's own. */
export interface RequestFields {
  readonly body: Record<string, unknown>
  readonly user_id: string
  readonly request_id: string
  readonly attempt: number
}

export interface MappedAnswer {
  readonly result: unknown
  /** Absent when the model reported none. */
  readonly usage?: Usage | undefined
}

/** The two mappings of a model. Each rejects with `MappingError`. */
export interface Mappings {
  request(fields: RequestFields): Promise<unknown>
  response(answer: unknown): Promise<MappedAnswer>
}

/** A mapping that failed. It has a sentence that the request's owner may read, and the usage that the model reported, if it could be read. */
export class MappingError extends Error {
  override readonly name = 'MappingError'
  readonly usage: Usage | undefined

  constructor(message: string, usage?: Usage) {
    super(message)
    this.usage = usage
  }
}

const Tokens = z.int().nonnegative().max(MAX_TOKENS)
const Mapped = z.looseObject({
  result: z.unknown().optional(),
  usage: z
    .looseObject({
      prompt_tokens: Tokens.optional(),
      completion_tokens: Tokens.optional(),
      total_tokens: Tokens.optional(),
    })
    .nullish(),
})

export function createMappings(settings: { request: string; response: string }): Mappings {
  const request = compileExpression(settings.request)
  const response = compileExpression(settings.response)
  return {
    request: async ({ body, ...own }) => {
      const mapped = await evaluating('request', () => request({ ...body, ...own }))
      if (mapped === undefined) throw new MappingError('the request mapping gives nothing to send')
      return mapped
    },
    response: async answer => {
      const mapped = Mapped.safeParse(await evaluating('response', () => response(answer)), { reportInput: true })
      if (!mapped.success)
        throw new MappingError(`the response mapping gives no usable answer: ${describe(mapped.error)}`)
      const { result } = mapped.data
      const usage = toUsage(mapped.data.usage)
      if (result === undefined) throw new MappingError('the response mapping gives no result', usage)
      const hostile = findHostileText(result)
      if (hostile) throw new MappingError(`the result of the response mapping ${hostile.message}`, usage)
      return { result, usage }
    },
  }
}

/** Reads the usage. A missing count is 0, a missing total is the sum of the counts, and without any count there is no usage. */
function toUsage(reported: z.infer<typeof Mapped>['usage']): Usage | undefined {
  const { prompt_tokens, completion_tokens, total_tokens } = reported ?? {}
  if (prompt_tokens === undefined && completion_tokens === undefined && total_tokens === undefined) return undefined
  const prompt = prompt_tokens ?? 0
  const completion = completion_tokens ?? 0
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total_tokens ?? prompt + completion }
}

async function evaluating(which: string, evaluate: () => Promise<unknown>): Promise<unknown> {
  try {
    return await evaluate()
  } catch (error) {
    if (error instanceof EvaluationError) throw new MappingError(`the ${which} mapping ${error.message}`)
    throw error
  }
}

const describe = (error: z.ZodError): string =>
  problemsOf(error)
    .map(({ path, message }) => `${path || 'it'} ${message}`)
    .join('; ')
