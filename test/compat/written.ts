import { unmarshall } from '@aws-sdk/util-dynamodb'
import { runHistory } from '../simulation/history.ts'
import { seededChoices } from '../simulation/random.ts'
import { INPUT_QUEUE } from '../simulation/settings.ts'
import { shapeOf } from './shape.ts'
import type { StoredThing } from './version-0.1.0.ts'

/** Runs histories of the simulation. Returns the first message or item of each shape (see shape.ts) that this version has written. */
export async function everythingWritten(histories: number): Promise<StoredThing[]> {
  const found = new Map<string, StoredThing>()
  const keep = (where: string, value: unknown, stored: StoredThing) => {
    const shape = `${where} ${shapeOf(value)}`
    if (!found.has(shape)) found.set(shape, stored)
  }
  for (let seed = 1; seed <= histories; seed++) {
    await runHistory(seededChoices(seed), {
      onStored: (where, stored) => {
        if (typeof stored !== 'string') {
          const item = unmarshall(stored)
          keep(where, item, { table: where, item })
        } else if (!where.startsWith(INPUT_QUEUE) && stored !== 'garbage') {
          const message: unknown = JSON.parse(stored)
          keep(where, message, { queue: where, message })
        }
      },
    })
  }
  return [...found.values()]
}
