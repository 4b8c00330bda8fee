import * as z from 'zod'
import { isObject } from '../domain/json-value.ts'
import { joinFields, Unjoinable } from './join-fields.ts'

/** A piece of a tool call. */
export const ToolCall = z.looseObject({
  index: z.int().nonnegative().nullish(),
  id: z.union([z.string(), z.number()]).nullish(),
  function: z.looseObject({ name: z.string().nullish(), arguments: z.string().nullish() }).optional(),
  custom: z.looseObject({ name: z.string().nullish(), input: z.string().nullish() }).optional(),
})
type ToolCall = z.infer<typeof ToolCall>

/** The pieces of one call. */
type Pieces = readonly ToolCall[]

/**
 * Joins the pieces of tool calls. Usually the first piece of a call has its id and its name, all pieces have the index of
 * the call, and all pieces have a part of the arguments. Some servers leave the index out, and others give all calls the
 * same index. Throws `Unjoinable` if the pieces don't show to which call they belong.
 */
export function joinCalls(pieces: Pieces): Record<string, unknown>[] {
  const callsByIndex = Map.groupBy(splitIntoCalls(pieces), ([first]) => first?.index ?? undefined)
  return [...callsByIndex]
    .sort(([a = 0], [b = 0]) => a - b)
    .flatMap(([index, calls]) => (index === undefined ? calls : callsOfIndex(calls)))
    .map(joinCall)
}

/** Returns the pieces of each call. A piece belongs to the call that has its id, or continues the latest call. */
function splitIntoCalls(pieces: Pieces): ToolCall[][] {
  const calls: ToolCall[][] = []
  const callsById = new Map<string, ToolCall[]>()
  const latest = new Map<number, ToolCall[]>()
  for (const piece of pieces) {
    const { id, index } = piece
    const mark = JSON.stringify([index ?? null, id])
    const open = isNumber(index) ? latest.get(index) : calls.at(-1)
    const own = callsById.get(mark) ?? (open?.[0] && continues(open[0], piece) ? open : undefined)
    const call = own ?? []
    if (!own) calls.push(call)
    if (!own && isNumber(index)) latest.set(index, call)
    if (hasId(piece)) callsById.set(mark, call)
    call.push(piece)
  }
  return calls
}

/**
 * Returns whether a piece continues the call that began with the piece `first`. Without an index, a new id or a name
 * begins a new call. With the index of `first`, only a new id together with a name begins a new call, because some
 * versions of vLLM give each piece of a call another id.
 */
function continues(first: ToolCall, piece: ToolCall): boolean {
  const hasName = nameOf(piece) !== undefined
  if (isNumber(piece.index)) return !hasId(piece) || !hasId(first) || piece.id === first.id || !hasName
  return hasId(piece) ? piece.id === first.id : !hasName || nameOf(first) === undefined
}

/**
 * Returns the calls of one index. If the index has several ids with names, the arguments show whether these are several
 * calls (Gemini), or pieces of one call (vLLM, with a `tool_choice` that names a function). Throws `Unjoinable` if the
 * arguments don't show it.
 */
function callsOfIndex(calls: readonly Pieces[]): readonly Pieces[] {
  const pieces = calls.flat()
  const names = new Set(pieces.flatMap(piece => nameOf(piece) ?? []))
  const isWhole = (args: string) => isJsonObject(args) || (args === '' && names.size > 1)
  if (calls.length === 1 || calls.every(call => isWhole(argumentsOf(call)))) return calls
  if (names.size > 1 || !isJsonObject(argumentsOf(pieces))) throw new Unjoinable()
  return [pieces]
}

/** Joins the pieces of one call. If the pieces have several ids, the first id counts. */
function joinCall(pieces: Pieces): Record<string, unknown> {
  const marked = pieces.find(hasId)
  const withoutMarks = pieces.map(({ index: _, id: __, ...piece }) => piece)
  const { function: called, ...call } = joinFields(withoutMarks, ['type', 'function', 'custom'])
  if (!pieces.some(nameOf)) throw new Unjoinable()
  const args = argumentsOf(pieces)
  if (!isCertain(pieces) && args !== '' && jsonOf(args) === undefined) throw new Unjoinable()
  return {
    ...(marked && { id: marked.id }),
    ...call,
    ...(called !== undefined && { function: { ...called, arguments: args } }),
  }
}

/**
 * Returns whether an id or an index tells the call apart from others. If only the name does so, or if the name is
 * repeated, it may be the beginning of another call. Then only the arguments show whether the call is whole.
 */
function isCertain(pieces: Pieces): boolean {
  const [first] = pieces
  if (!first) return false
  const isMarked = hasId(first) || isNumber(first.index)
  const haveOneId = hasId(first) && pieces.every(({ id }) => id === first.id)
  return haveOneId || (isMarked && pieces.filter(nameOf).length === 1)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isJsonObject = (text: string): boolean => isObject(jsonOf(text))

const argumentsOf = (pieces: Pieces): string => pieces.map(piece => piece.function?.arguments ?? '').join('')

const nameOf = (piece: ToolCall): string | undefined => piece.function?.name || piece.custom?.name || undefined

const hasId = ({ id }: ToolCall): boolean => id !== undefined && id !== null && id !== ''

const isNumber = (index: number | null | undefined): index is number => typeof index === 'number'
