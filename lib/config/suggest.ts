import { closestMatch } from 'leven'

/** The one of `known` that was probably meant by `typed`; undefined if none is near. */
export function suggest(typed: string, known: readonly string[]): string | undefined {
  return closestMatch(typed, known, { maxDistance: Math.ceil(typed.length / 3) })
}
