import { closestMatch } from 'leven'

/** Finds the word of `known` that is nearest to `typed`. Returns undefined if none is near. */
export function suggest(typed: string, known: readonly string[]): string | undefined {
  return closestMatch(typed, known, { maxDistance: Math.ceil(typed.length / 3) })
}
