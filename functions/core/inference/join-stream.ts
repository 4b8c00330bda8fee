import * as z from 'zod'
import { MAX_ANSWER_PARTS, measureJson } from '../domain/json-size.ts'

/** Returns whether a text is a stream of server-sent events: it begins with a field of an event, or with a comment. */
export const isEventStream = (text: string): boolean => /^\s*(?:(?:data|event|id|retry) *:|:)/.test(text)

const ToolCall = z.looseObject({
  index: z.int().nonnegative().optional(),
  function: z.looseObject({ arguments: z.string().nullish() }).optional(),
})
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
 * streaming. Returns undefined if the text is another kind of stream, or if the end of the stream is missing, because a
 * part of an answer must not count as the whole. If the stream has an error, the error is the whole answer.
 */
export function joinChunks(text: string, parse: (json: string) => unknown): unknown {
  const events = dataOf(text)
  const parts = events.reduce((sum, event) => sum + partsOf(event), 0)
  if (parts > MAX_ANSWER_PARTS) return undefined
  const isEnded = events.at(-1) === '[DONE]'
  const values = events.filter(data => data !== '[DONE]').map(parse)
  const failed = values.find(value => Failed.safeParse(value).success)
  if (failed !== undefined) return failed
  const { data: chunks } = z.array(Chunk).min(1).safeParse(values)
  if (!chunks) return undefined
  const choicesByIndex = Map.groupBy(
    chunks.flatMap(({ choices }) => choices ?? []),
    ({ index }) => index,
  )
  if (choicesByIndex.size === 0) return undefined
  const choices = inOrder(choicesByIndex).map(([index, list]) => joinChoice(index, list))
  if (!isEnded && choices.some(({ finish_reason }) => finish_reason === null)) return undefined
  return joined(chunks, choices)
}

/**
 * Counts the lists, objects and fields of an event. Each event is parsed separately. So before the parsing, each event
 * is measured separately, too. A stream with too many parts is not parsed, because it could use up the memory.
 */
function partsOf(event: string): number {
  const { containers, fields } = measureJson(event)
  return containers + fields
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
  const deltas = parts.map(({ delta }) => delta).filter(delta => delta !== undefined && delta !== null)
  return deltas.length > 0
    ? { index, message: joinMessage(deltas), finish_reason: finishReason }
    : { index, text: parts.map(({ text }) => text ?? '').join(''), finish_reason: finishReason }
}

/**
 * Joins the pieces of a message. Texts are joined (`content`, `reasoning_content`, `refusal`), and so are lists. For
 * any other field, the last value counts.
 */
function joinMessage(deltas: readonly z.infer<typeof Delta>[]): Fields {
  const message = new Map<string, unknown>([
    ['role', 'assistant'],
    ['content', null],
  ])
  for (const { tool_calls: _, role, ...delta } of deltas) {
    if (typeof role === 'string' && role !== '') message.set('role', role)
    for (const [name, value] of Object.entries(delta)) message.set(name, append(message.get(name), value))
  }
  const calls = Map.groupBy(
    deltas.flatMap(({ tool_calls }) => tool_calls ?? []),
    ({ index = 0 }) => index,
  )
  if (calls.size > 0)
    message.set(
      'tool_calls',
      inOrder(calls).map(([, parts]) => joinCall(parts)),
    )
  return Object.fromEntries(message)
}

const inOrder = <T>(parts: ReadonlyMap<number, T>): [number, T][] => [...parts].sort(([a], [b]) => a - b)

function append(text: unknown, more: unknown): unknown {
  if (Array.isArray(text) && Array.isArray(more)) return [...text, ...more]
  if (typeof more !== 'string') return more ?? text ?? null
  return typeof text === 'string' ? text + more : more
}

/**
 * Joins the pieces of a call of a tool. The first piece has the id and the name. All pieces have a part of the
 * arguments.
 */
function joinCall(parts: readonly z.infer<typeof ToolCall>[]): Fields {
  const { index: _, ...first } = parts[0] ?? {}
  const args = parts.map(part => part.function?.arguments ?? '').join('')
  return { ...first, function: { ...first.function, arguments: args } }
}
