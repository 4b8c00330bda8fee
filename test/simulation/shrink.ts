import { type History, type Options, runHistory } from './history.ts'
import { replayedChoices } from './random.ts'

/** The most histories that are run in search of a shorter one. */
const TRIES = 1_500

/**
 * Searches a shorter history that breaks the same invariant. It removes some choices, and replaces others by 0, the choice with the
 * least trouble. The invariant is the part of the violation before the first colon.
 */
export async function shrink(failed: History, variant: Pick<Options, 'bug' | 'backend'> = {}): Promise<History> {
  const invariant = invariantOf(failed)
  let tries = 0
  let best = failed

  /** Keeps a list of choices as the best list if its history is shorter and breaks the same invariant. */
  async function take(choices: readonly number[]): Promise<boolean> {
    if (tries++ >= TRIES) return false
    const history = await runHistory(replayedChoices(choices), variant)
    if (invariantOf(history) !== invariant || !isShorter(history, best)) return false
    best = history
    return true
  }

  for (let size = Math.ceil(best.choices.length / 2); size >= 1; size = Math.floor(size / 2)) {
    await take(best.choices.slice(0, size))
    for (let at = 0; at < best.choices.length && tries < TRIES; at += size) {
      const [before, chunk, after] = [
        best.choices.slice(0, at),
        best.choices.slice(at, at + size),
        best.choices.slice(at + size),
      ]
      if (!(await take([...before, ...after])) && chunk.some(choice => choice > 0))
        await take([...before, ...chunk.map(() => 0), ...after])
    }
  }
  return runHistory(replayedChoices(best.choices), { ...variant, tracing: true })
}

const invariantOf = ({ violation }: History): string | undefined => violation?.split(':')[0]

/** Compares the numbers of steps. If they are equal, it compares the numbers of choices other than 0. */
function isShorter(history: History, best: History): boolean {
  const wild = ({ choices }: History) => choices.filter(choice => choice > 0).length
  return history.steps < best.steps || (history.steps === best.steps && wild(history) < wild(best))
}
