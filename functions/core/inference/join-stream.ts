import * as z from 'zod'
import { MAX_ANSWER_PARTS, measureJson } from '../domain/json-size.ts'
import { joinCalls, ToolCall } from './join-calls.ts'
import { joinFields, Unjoinable } from './join-fields.ts'

/** Returns whether a text is a stream of server-sent events: it begins with a field of an event, or with a comment. */
export const isEventStream = (text: string): boolean => /^\s*(?:(?:data|event|id|retry) *:|:)/.test(text)

const Delta = z.looseObject({ tool_calls: z.array(ToolCall).nullish() })
const Choice = z.looseObject({
  index: z.int().nonnegative().prefault(0),
  delta: Delta.nullish(),
  text: z.string().nullish(),
  finish_reason: z.string().nullish(),
})
type Choice = z.infer<typeof Choice>
const Chunk = z.looseObject({ choices: z.array(Choice.refine(isPart)).nullish(), usage: z.unknown().optional() })
const Failed = z.looseObject({ error: z.union([z.string().min(1), z.looseObject({})]) })

type Fields = Record<string, unknown>
type Chunk = z.infer<typeof Chunk>

function isPart({ delta, text }: Choice): boolean {
  return (delta !== undefined && delta !== null) || typeof text === 'string'
}

/**
 * Joins a stream of chunks in the form of the OpenAI API to the answer that the model would have given without
 * streaming. Returns undefined if the text is another kind of stream, if its pieces don't show how they belong together,
 * or if the end of the stream is missing, because a part of an answer must not count as the whole. If the stream has an
 * error, the error is the whole answer.
 */
export function joinChunks(text: string, parse: (json: string, depth: number) => unknown): unknown {
  // Each event is parsed separately. So each event is measured separately, too. A stream with too many lists, objects and
  // fields is not parsed, because it could use up the memory.
  const events = dataOf(text).map(data => ({ data, size: measureJson(data) }))
  const parts = events.reduce((sum, { size }) => sum + size.containers + size.fields, 0)
  if (parts > MAX_ANSWER_PARTS) return undefined
  const isEnded = events.at(-1)?.data === '[DONE]'
  const values = events.filter(({ data }) => data !== '[DONE]').map(({ data, size }) => parse(data, size.depth))
  const failed = values.find(value => Failed.safeParse(value).success)
  if (failed !== undefined) return failed
  const { data: chunks } = z.array(Chunk).min(1).safeParse(values)
  if (!chunks) return undefined
  const choicesByIndex = Map.groupBy(
    chunks.flatMap(({ choices }) => choices ?? []),
    ({ index }) => index,
  )
  if (choicesByIndex.size === 0) return undefined
  try {
    const choices = [...choicesByIndex].sort(([a], [b]) => a - b).map(([index, list]) => joinChoice(index, list))
    if (!isEnded && choices.some(({ finish_reason }) => finish_reason === null)) return undefined
    return joined(chunks, choices)
  } catch (error) {
    if (error instanceof Unjoinable) return undefined
    throw error
  }
}

/** Returns the data of each event. An event may have several lines of data. */
function dataOf(text: string): string[] {
  return text
    .split(/(?:\r\n|\n|\r)[ \t]*(?:\r\n|\n|\r)/)
    .map(event =>
      event
        .split(/\r\n|\n|\r/)
        .flatMap(line => /^\s*data *: ?(.*)$/s.exec(line)?.[1] ?? [])
        .join('\n')
        .trim(),
    )
    .filter(data => data !== '')
}

function joined(chunks: readonly Chunk[], choices: readonly Fields[]): Fields {
  const { object, usage: _, ...first }: Fields = chunks.find(chunk => chunk.choices?.[0]) ?? {}
  const usage = chunks.findLast(chunk => chunk.usage !== undefined && chunk.usage !== null)?.usage
  return {
    ...first,
    ...(object !== undefined && { object: String(object).replace(/\.chunk$/, '') }),
    choices,
    ...(usage !== undefined && { usage }),
  }
}

function joinChoice(index: number, parts: readonly Choice[]): Fields {
  const finishReason = parts.findLast(part => typeof part.finish_reason === 'string')?.finish_reason ?? null
  const { logprobs } = joinFields(parts.map(part => ({ logprobs: part.logprobs })))
  const ends = { finish_reason: finishReason, ...(logprobs !== null && { logprobs }) }
  const deltas = parts.map(({ delta }) => delta).filter(delta => delta !== undefined && delta !== null)
  return deltas.length > 0
    ? { index, message: joinMessage(deltas), ...ends }
    : { index, text: parts.map(({ text }) => text ?? '').join(''), ...ends }
}

/**
 * The fields of a message that must not change by the joining. `function_call` is the older form of `tool_calls`. A
 * stream is not refused because of other fields, since the response mapping often leaves them out.
 */
const STRICT = ['role', 'content', 'function_call']

/** Joins the pieces of a message. A message without a text has the content `null`, as without streaming. */
function joinMessage(deltas: readonly z.infer<typeof Delta>[]): Fields {
  const withoutCalls = deltas.map(({ tool_calls: _, ...delta }) => delta)
  const fields = joinFields(withoutCalls, STRICT)
  const calls = joinCalls(deltas.flatMap(({ tool_calls }) => tool_calls ?? []))
  return {
    content: null,
    ...fields,
    role: fields.role || 'assistant',
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}
