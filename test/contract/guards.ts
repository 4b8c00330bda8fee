import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GuardStore } from '../../functions/core/flow-control/port.ts'
import { type GuardState, UNTOUCHED } from '../../functions/core/flow-control/state.ts'
import { NOW } from '../support/clock.ts'

export interface GuardsEngine {
  readonly guards: GuardStore
  close(): Promise<void>
}

let models = 0
const newModel = () => `model-${models++}`
const first: GuardState = { ...UNTOUCHED, version: 1, writer: 'a', failures: [NOW] }
const second: GuardState = {
  version: 2,
  writer: 'b',
  failures: [],
  paused_until: NOW + 3_000,
  open: { until: NOW + 30_000, times: 2 },
  probe: { id: 'p', since: NOW, until: NOW + 90_000 },
  calls: [
    { from: NOW, count: 3 },
    { from: NOW + 100, count: 1 },
  ],
}

/** What every store keeps of what workers know of a model. */
export function describeGuardsContract(name: string, makeEngine: () => Promise<GuardsEngine>): void {
  let engine: GuardsEngine
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine.close())

  describe(`guards on ${name}`, () => {
    it('has nothing of a model that was never guarded', async () => {
      expect(await engine.guards.read(newModel())).toBeUndefined()
    })

    it('keeps all of a state, each version after the one before', async () => {
      const model = newModel()

      expect(await engine.guards.write(model, first)).toEqual(first)
      expect(await engine.guards.read(model)).toEqual(first)
      expect(await engine.guards.write(model, second)).toEqual(second)
      expect(await engine.guards.read(model)).toEqual(second)
    })

    it('answers with what is there when another worker was quicker, and leaves it', async () => {
      const model = newModel()
      await engine.guards.write(model, first)
      const late = { ...first, writer: 'late' }

      expect(await engine.guards.write(model, late)).toEqual(first)
      await engine.guards.write(model, second)
      expect(await engine.guards.write(model, { ...second, writer: 'late' })).toEqual(second)
      expect(await engine.guards.read(model)).toEqual(second)
    })

    it('answers with the state itself when its write is repeated because its answer was lost', async () => {
      const model = newModel()
      await engine.guards.write(model, first)

      expect(await engine.guards.write(model, first)).toEqual(first)
    })

    it('lets one of many workers write a version', async () => {
      const model = newModel()
      const writers = Array.from({ length: 20 }, (_, i) => `w${i}`)

      const answers = await Promise.all(writers.map(writer => engine.guards.write(model, { ...first, writer })))

      expect(new Set(answers.map(({ writer }) => writer)).size).toBe(1)
    })

    it('keeps models apart', async () => {
      const [one, other] = [newModel(), newModel()]
      await engine.guards.write(one, first)

      expect(await engine.guards.read(other)).toBeUndefined()
    })
  })
}
