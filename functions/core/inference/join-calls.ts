import * as z from 'zod'
import { joinFields, Unjoinable } from './join-fields.ts'

/** A piece of a tool call. */
export const ToolCall = z.looseObject({
  index: z.int().nonnegative().nullish(),
  id: z.string().nullish(),
  function: z.looseObject({ name: z.string().nullish(), arguments: z.string().nullish() }).optional(),
  custom: z.looseObject({ name: z.string().nullish(), input: z.string().nullish() }).optional(),
})
type ToolCall = z.infer<typeof ToolCall>

/**
 * Joins the pieces of tool calls. Usually the first piece of a call has its id and its name, all pieces have the index of
 * the call, and all pieces have a part of the arguments. Some servers leave the index out, and others give all calls the
 * same index. Throws `Unjoinable` if the pieces don't show to which call they belong.
 */
export function joinCalls(pieces: readonly ToolCall[]): Record<string, unknown>[] {
  const calls: ToolCall[][] = []
  const latest = new Map<number, ToolCall[]>()
  for (const piece of pieces) {
    const open = isNumber(piece.index) ? latest.get(piece.index) : calls.at(-1)
    if (open?.[0] && continues(open[0], piece)) {
      open.push(piece)
      continue
    }
    const call = [piece]
    calls.push(call)
    if (isNumber(piece.index)) latest.set(piece.index, call)
  }
  return calls.sort(([a], [b]) => (a?.index ?? 0) - (b?.index ?? 0)).map(joinCall)
}

/**
 * Returns whether a piece continues the call that began with the piece `first`. Without an index, a new id or a name
 * begins a new call. With the index of `first`, only a new id together with a name begins a new call, because some
 * versions of vLLM give each piece of a call another id.
 */
function continues(first: ToolCall, piece: ToolCall): boolean {
  const { id } = piece
  const hasName = nameOf(piece) !== undefined
  if (isNumber(piece.index)) return !id || !first.id || id === first.id || !hasName
  return id ? id === first.id : !hasName || nameOf(first) === undefined
}

/** Joins the pieces of one call. If the pieces have several ids, the first id counts. */
function joinCall(pieces: readonly ToolCall[]): Record<string, unknown> {
  const id = pieces.find(piece => piece.id)?.id
  const withoutMarks = pieces.map(({ index: _, id: __, ...piece }) => piece)
  const { function: called, ...call } = joinFields(withoutMarks, ['type', 'function', 'custom'])
  if (!pieces.some(nameOf)) throw new Unjoinable()
  const args = pieces.map(piece => piece.function?.arguments ?? '').join('')
  if (!isCertain(pieces) && !isJson(args)) throw new Unjoinable()
  return {
    ...(id && { id }),
    ...call,
    ...(called !== undefined && { function: { ...called, arguments: args } }),
  }
}

/**
 * Returns whether an id or an index tells the call apart from others. If only the name does so, or if the name is
 * repeated, it may be the beginning of another call. Then only the arguments show whether the call is whole.
 */
function isCertain(pieces: readonly ToolCall[]): boolean {
  const [first] = pieces
  const isMarked = Boolean(first?.id) || isNumber(first?.index)
  return pieces.every(({ id }) => id) || (isMarked && pieces.filter(nameOf).length === 1)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return text === ''
  }
}

const nameOf = (piece: ToolCall): string | undefined => piece.function?.name || piece.custom?.name || undefined

const isNumber = (index: number | null | undefined): index is number => typeof index === 'number'
