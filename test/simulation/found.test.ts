import { expect, it } from 'vitest'
import { runHistory } from './history.ts'
import { seededChoices } from './random.ts'

/**
 * Seeds that showed bugs in the code itself, when they were found. What a seed does changes with the code: the first two
 * bugs are among the planted ones, too, so that they are looked for in all histories.
 */
const FOUND: readonly { readonly bug: string; readonly seeds: readonly number[] }[] = [
  {
    bug: 'a worker that met a message without an item put its tombstone over the item that a retry had written meanwhile',
    seeds: [256, 397, 2169, 2413],
  },
  {
    bug: 'a redrive closed a later run whose failure the ledger did not know yet, and nobody told it any more',
    seeds: [118, 938, 2492],
  },
  {
    bug: 'a repeated reservation opened again, in the same words, what a twin had settled meanwhile',
    seeds: [17529],
  },
]

for (const { bug, seeds } of FOUND)
  it.each(seeds)(`no longer happens, as in seed %i: ${bug}`, async seed => {
    expect((await runHistory(seededChoices(seed))).violation).toBeUndefined()
  })
