import { MAX_TOKENS } from '../domain/estimate.ts'
import type { Usage } from '../domain/item.ts'

/** The usage that a model has reported. */
export interface ReportedUsage {
  /** Absent if the report has no readable count. */
  readonly usage?: Usage
  /** Whether a part of the report can't be read. The other parts count. */
  readonly isUnreadable: boolean
}

/**
 * The names of the two counts, in OpenAI's and in Anthropic's API. No other count is added to them. OpenAI's counts of
 * details are already included. Anthropic's tokens of the prompt cache are not included, but the mapping of the profile
 * `anthropic` adds them.
 */
const PROMPT = ['prompt_tokens', 'input_tokens']
const COMPLETION = ['completion_tokens', 'output_tokens']

/**
 * Reads a usage leniently, so that no answer is lost because of its usage. The total is at least the sum of the two
 * counts, because some models report 0 as the total. It may be more, because some models report their reasoning tokens
 * only in the total.
 */
export function readUsage(reported: unknown): ReportedUsage {
  if (reported === undefined || reported === null) return { isUnreadable: false }
  if (typeof reported !== 'object' || Array.isArray(reported)) return { isUnreadable: true }
  const fields = new Map<string, unknown>(Object.entries(reported))
  const read = (names: readonly string[]) => names.map(name => tokensOf(fields.get(name)))
  const all = [read(PROMPT), read(COMPLETION), read(['total_tokens'])]
  const [prompt, completion, total] = all.map(counts => counts.find(count => typeof count === 'number'))
  const isUnreadable = all.flat().includes('unreadable')
  if (prompt === undefined && completion === undefined && total === undefined) return { isUnreadable }
  const usage = {
    ...(prompt !== undefined && { prompt_tokens: prompt }),
    ...(completion !== undefined && { completion_tokens: completion }),
    total_tokens: Math.max(total ?? 0, (prompt ?? 0) + (completion ?? 0)),
  }
  return { usage, isUnreadable }
}

const NUMBER = /^\d+(\.\d+)?$/

/** Reads a count of tokens. It rounds a fraction up. */
function tokensOf(value: unknown): number | 'unreadable' | undefined {
  if (value === undefined) return undefined
  const tokens = typeof value === 'string' && NUMBER.test(value.trim()) ? Number(value) : value
  return typeof tokens === 'number' && tokens >= 0 && tokens <= MAX_TOKENS ? Math.ceil(tokens) : 'unreadable'
}
