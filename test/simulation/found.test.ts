import { expect, it } from 'vitest'
import { runHistory } from './history.ts'
import { seededChoices } from './random.ts'

/**
 * Bugs that the simulation has found in Sluice's code, with seeds whose histories showed them. A history is one simulated run, and its
 * seed decides every choice in it. A change of the code also changes the history of a seed, so a seed may not show its bug again.
 * Therefore the first two bugs are also planted bugs: `planted.test.ts` puts them back into the code, and searches all histories for them.
 */
const FOUND: readonly { readonly bug: string; readonly seeds: readonly number[] }[] = [
  {
    bug: 'a worker found a message without an item, and its tombstone replaced the item that a retry of the client had written meanwhile',
    seeds: [256, 397, 2169, 2413],
  },
  {
    bug: 'a redrive closed a later run before the failure of this run was in the ledger, and the ledger never got the failure',
    seeds: [118, 938, 2492],
  },
  {
    bug: 'a repeated call of a client made its reservation a second time, after the first one had been settled',
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
  it.each(seeds)(`the history of seed %i breaks no invariant. It once showed this bug: ${bug}`, async seed => {
    expect((await runHistory(seededChoices(seed))).violation).toBeUndefined()
  })
