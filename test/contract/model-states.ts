import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelStateStore } from '../../functions/core/flow-control/port.ts'
import { type ModelState, UNTOUCHED } from '../../functions/core/flow-control/state.ts'
import { NOW } from '../support/clock.ts'

export interface ModelStatesEngine {
  readonly modelStates: ModelStateStore
  close(): Promise<void>
}

let models = 0
const newModel = () => `model-${models++}`
const first: ModelState = { ...UNTOUCHED, version: 1, writer: 'a', failures: [NOW] }
const second: ModelState = {
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
  backlog: { slot: NOW + 60_000, taken: 4, last_return: NOW + 57_500 },
}

/** The fields that newer features use. */
const third: ModelState = {
  ...first,
  version: 3,
  writer: 'c',
  failures: [NOW, NOW + 1, NOW + 1],
  failed_by: [84, 0, 33_554_433],
  halted: { since: NOW, until: NOW + 30_000, times: 1, code: 'model_rejected', status: 401, reason: 'refused' },
  tried_until: NOW + 43_200_000,
  refused_by: 42,
  leases: { normal: { id: 'l', since: NOW, until: NOW + 90_000 } },
}
const fourth: ModelState = {
  ...first,
  version: 4,
  writer: 'd',
  failures: [],
  open: { until: NOW, times: 1 },
  open_for: [42, 7],
}

/** How every store keeps what workers know of a model. */
export function describeModelStatesContract(name: string, makeEngine: () => Promise<ModelStatesEngine>): void {
  let engine: ModelStatesEngine
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine.close())

  describe(`model states on ${name}`, () => {
    it('has no state of a model that was never written', async () => {
      expect(await engine.modelStates.read(newModel())).toBeUndefined()
    })

    it('keeps every field of a state, version after version', async () => {
      const model = newModel()

      expect(await engine.modelStates.write(model, first)).toEqual(first)
      expect(await engine.modelStates.read(model)).toEqual(first)
      expect(await engine.modelStates.write(model, second)).toEqual(second)
      expect(await engine.modelStates.read(model)).toEqual(second)
      for (const next of [third, fourth]) {
        expect(await engine.modelStates.write(model, next)).toEqual(next)
        expect(await engine.modelStates.read(model)).toEqual(next)
      }
    })

    it('answers with the stored state when another worker wrote first, and does not change it', async () => {
      const model = newModel()
      await engine.modelStates.write(model, first)
      const late = { ...first, writer: 'late' }

      expect(await engine.modelStates.write(model, late)).toEqual(first)
      await engine.modelStates.write(model, second)
      expect(await engine.modelStates.write(model, { ...second, writer: 'late' })).toEqual(second)
      expect(await engine.modelStates.read(model)).toEqual(second)
    })

    it('answers with its own state when a write is repeated because its answer was lost', async () => {
      const model = newModel()
      await engine.modelStates.write(model, first)

      expect(await engine.modelStates.write(model, first)).toEqual(first)
    })

    it('lets only one of many workers write a version', async () => {
      const model = newModel()
      const writers = Array.from({ length: 20 }, (_, i) => `w${i}`)

      const answers = await Promise.all(writers.map(writer => engine.modelStates.write(model, { ...first, writer })))

      expect(new Set(answers.map(({ writer }) => writer)).size).toBe(1)
    })

    it('keeps the states of models apart', async () => {
      const [one, other] = [newModel(), newModel()]
      await engine.modelStates.write(one, first)

      expect(await engine.modelStates.read(other)).toBeUndefined()
    })
  })
}
