import { expect, it } from 'vitest'
import { runHistory } from './history.ts'
import { seededChoices } from './random.ts'

/**
 * Seeds that found bugs in Sluice's code. The history of a seed changes when the code changes. So the first two bugs are also planted
 * bugs, which the simulation searches in all histories.
 */
const FOUND: readonly { readonly bug: string; readonly seeds: readonly number[] }[] = [
  {
    bug: 'a worker that found a message without an item replaced the item, which a retry had written meanwhile, by a tombstone',
    seeds: [256, 397, 2169, 2413],
  },
  {
    bug: 'a redrive closed a later run before the ledger knew of its failure, and the ledger never got the failure',
    seeds: [118, 938, 2492],
  },
  {
    bug: 'a repeated call made a reservation again that had been settled meanwhile',
    seeds: [17529],
  },
  {
    bug: 'a worker made a call after a slow claim, with a permit that it got before the circuit opened or before the model asked for a pause',
    seeds: [460, 1007, 1008, 1514],
  },
  {
    bug: 'a batch was called in the slot of one of its requests, while another worker called this request in the same slot',
    seeds: [753, 1529, 1962],
  },
  {
    bug: 'Sluice forgot that a batch had reached the model when the call of a part of the batch did not reach the model',
    seeds: [581, 723],
  },
  {
    bug: 'a request whose worker had crashed was deferred every second after its deadline while the model was paused',
    seeds: [4995],
  },
  {
    bug: 'Sluice forgot that a batch had reached the model when the call of a part of the batch found the model halted',
    seeds: [702, 1412],
  },
]

for (const { bug, seeds } of FOUND)
  it.each(seeds)(`the history of seed %i keeps every promise. Earlier, ${bug}`, async seed => {
    expect((await runHistory(seededChoices(seed))).violation).toBeUndefined()
  })
