import type { Trouble } from './lambda/log-line.ts'

/**
 * States that functions have logged, such as an open circuit. A state lasts until a later log line says that it has ended. A trouble is a warning or
 * an error in a function's log.
 */
export interface LastingStates {
  /** Stores or ends the state that a trouble reports. A trouble without a state or without a topic changes nothing. `text` is the line for the terminal. */
  note(source: string, trouble: Trouble, text: string): void
  /** Returns the texts of the states that no log line has repeated for 20 minutes, and forgets these states. */
  takeSilent(): readonly string[]
}

/**
 * If no log line has repeated a state for this time, the state may be over. While requests wait for a model that is not called because of an open circuit
 * or a halt, single calls (probes) test the model. Each failed probe repeats the state. Probes are at most 15 minutes apart, or `circuit.open` if that is
 * longer. Milliseconds.
 */
const SILENT_MS = 1_200_000

/**
 * Remembers the states that last. Some states end without a log line, because an operator has reset the model, or because the thread that would log
 * the end has itself ended. So `takeSilent` reports old states.
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
