import { expect, it } from 'vitest'
import type { PlantedBug } from './compose.ts'
import { PlantedDefect } from './handlers.ts'
import { runHistory } from './history.ts'
import { seededChoices } from './random.ts'

const HISTORIES = 60

/** Plants a defect: each claim of a request with an odd last hex digit in its id throws. */
function defectInClaims() {
  const met = new Set<string>()
  const bug: PlantedBug = {
    name: 'the store throws a TypeError for some requests',
    ports: ports => ({
      ...ports,
      items: {
        ...ports.items,
        claim: async (message, terms) => {
          if (!/[13579bdf]$/.test(message.request_id)) return ports.items.claim(message, terms)
          met.add(message.request_id)
          throw new PlantedDefect('x is not a function')
        },
      },
    }),
  }
  return { bug, met }
}

it('no history breaks an invariant if each claim of some requests throws because of a defect', async () => {
  const { bug, met } = defectInClaims()
  const violations: string[] = []
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const { violation } = await runHistory(seededChoices(seed), { bug })
    if (violation !== undefined) violations.push(`seed ${seed}: ${violation}`)
  }

  expect(violations).toEqual([])
  expect(met.size).toBeGreaterThan(20)
})
