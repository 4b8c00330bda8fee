import { expect, it } from 'vitest'
import { runHistory } from './history.ts'
import { seededChoices } from './random.ts'

/**
 * Seeds that found bugs in the product's code. A seed's history changes when the code changes. So the first two bugs are also
 * planted bugs, and the simulation searches all histories for them.
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
  {
    bug: 'a claim took long, and the call was made by a permit from before the circuit opened or the model asked for a pause',
    seeds: [460, 1007, 1008, 1514],
  },
  {
    bug: 'a batch was called in the slot that one of its requests had brought, while that request was called in the same slot elsewhere',
    seeds: [753, 1529, 1962],
  },
  {
    bug: 'that a batch had reached the model was forgotten when a part of it got lost on its way',
    seeds: [581, 723],
  },
  {
    bug: 'a request whose worker was gone was deferred every second after its deadline, while the model was paused',
    seeds: [4995],
  },
  {
    bug: 'that a batch had reached the model was forgotten when the call of a part of it found the model halted',
    seeds: [702, 1412],
  },
]

for (const { bug, seeds } of FOUND)
  it.each(seeds)(`no longer happens, as in seed %i: ${bug}`, async seed => {
    expect((await runHistory(seededChoices(seed))).violation).toBeUndefined()
  })
