import type { Discards, Redrives } from '../../cli/operations/dead-letters.ts'
import { call } from './api.ts'
import { useAsking } from './dialog.ts'
import { plural } from './format.ts'

/** The choice of dead letters to redrive, in the form of the operator API. */
export type Choice = { readonly names: readonly string[] } | { readonly model: string } | { readonly all: true }

interface DeadLetterActions {
  /** Asks for confirmation, and then runs the requests of the dead letters again. `which` describes the dead letters in the dialog. */
  redrive(choice: Choice, which: string): void
  discard(names: readonly string[], which: string): void
}

/**
 * Returns the actions redrive and discard, which ask for confirmation first. `onDone` is called when the list of dead
 * letters may have changed.
 */
export function useDeadLetterActions(onDone: () => void): DeadLetterActions {
  const { ask } = useAsking()
  return {
    redrive: (choice, which) =>
      ask({
        title: `Redrive ${which}?`,
        text: 'Each request runs again, and its user is charged for the new run as for a new request.',
        action: 'Redrive',
        act: async () => {
          const { redriven, refused } = await call<Redrives>('/dead-letters/redrive', { body: choice })
          onDone()
          return sentenceOf(`${plural(redriven.length, 'dead letter')} redriven.`, refused)
        },
      }),
    discard: (names, which) =>
      ask({
        title: `Discard ${which}?`,
        text: 'The requests stay failed, and can not be run again. This can not be undone.',
        action: 'Discard',
        isDangerous: true,
        act: async () => {
          const { discarded, refused } = await call<Discards>('/dead-letters/discard', { body: { names } })
          onDone()
          return sentenceOf(`${plural(discarded.length, 'dead letter')} discarded.`, refused)
        },
      }),
  }
}

function sentenceOf(done: string, refused: Redrives['refused']): string {
  const [first] = refused
  return first === undefined
    ? done
    : `${done} ${plural(refused.length, 'was', 'were')} refused. The first, ${first.id}: ${first.reason}.`
}
