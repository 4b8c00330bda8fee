import type { Trouble } from './lambda/log-line.ts'

/** States that last until a log line says that they have ended, such as an open circuit. */
export interface LastingStates {
  /** Notes the state of a reported trouble. A trouble without a state or without a topic changes nothing. `text` is the line on the terminal. */
  note(source: string, trouble: Trouble, text: string): void
  /** Returns the texts of the states that had no news for 20 minutes, and forgets these states. */
  takeSilent(): readonly string[]
}

/**
 * A state without news for this time may be over. As long as requests wait, an open circuit and a halt have news every 15 minutes,
 * or after `circuit.open` if that is longer. Milliseconds.
 */
const SILENT_MS = 1_200_000

/**
 * Remembers which states last. Some states end without a line: an operator may have reset a model, or the thread that knew of the state
 * has ended.
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
