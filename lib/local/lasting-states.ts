import type { Trouble } from './lambda/log-line.ts'

/** The states that last, such as an open circuit, until a line tells their end. */
export interface LastingStates {
  /** Takes each trouble that is reported. One that tells no state, or not what it is about, changes nothing. `text` is what the terminal shows. */
  note(source: string, trouble: Trouble, text: string): void
  /** Answers with the texts of the states of which nothing was heard for 20 minutes, and forgets them. */
  takeSilent(): readonly string[]
}

/**
 * A state of which nothing was heard for so long may be over. As long as requests wait, an open circuit and a halt have news every 15 minutes,
 * or after `circuit.open` if that is longer. Milliseconds.
 */
const SILENT_MS = 1_200_000

/**
 * Keeps in mind which states last. Not each of them gets a line for its end: an operator may have reset a model, or the thread that knew of
 * the state has ended.
 */
export function createLastingStates(clock: () => number): LastingStates {
  const lasting = new Map<string, { readonly text: string; readonly at: number }>()
  return {
    note(source, { state, topic }, text) {
      if (state === undefined || topic === undefined) return
      const key = `${source} ${topic}`
      if (state === 'ends') lasting.delete(key)
      else lasting.set(key, { text, at: clock() })
    },
    takeSilent() {
      const silent = [...lasting].filter(([, { at }]) => clock() - at >= SILENT_MS)
      for (const [key] of silent) lasting.delete(key)
      return silent.map(([, { text }]) => text)
    },
  }
}
