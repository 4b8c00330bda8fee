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

/** States with the fields of newer features. */
const third: ModelState = {
  ...first,
  version: 3,
  writer: 'c',
  failures: [NOW, NOW + 1, NOW + 1],
  failed_by: [84, 0, 33_554_433],
  halted: { since: NOW, until: NOW + 30_000, times: 1, code: 'model_rejected', status: 401, reason: 'refused' },
  tried_until: NOW + 43_200_000,
  is_loading: true,
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

/** Checks a store of the states of models. */
export function describeModelStatesContract(name: string, makeEngine: () => Promise<ModelStatesEngine>): void {
  let engine: ModelStatesEngine
  beforeAll(async () => {
    engine = await makeEngine()
  })
  afterAll(() => engine.close())

  describe(`model states on ${name}`, () => {
    it('a model has no stored state before the first write', async () => {
      expect(await engine.modelStates.read(newModel())).toBeUndefined()
    })

    it('the state of a model is read with all fields, as the last write has written them', async () => {
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

    it('a write of a version of the state that another worker has already written changes nothing, and its answer is the stored state', async () => {
      const model = newModel()
      await engine.modelStates.write(model, first)
      const late = { ...first, writer: 'late' }

      expect(await engine.modelStates.write(model, late)).toEqual(first)
      await engine.modelStates.write(model, second)
      expect(await engine.modelStates.write(model, { ...second, writer: 'late' })).toEqual(second)
      expect(await engine.modelStates.read(model)).toEqual(second)
    })

    it('a write of the state that is repeated because its answer was lost changes nothing', async () => {
      const model = newModel()
      await engine.modelStates.write(model, first)

      expect(await engine.modelStates.write(model, first)).toEqual(first)
    })

    it('if 20 workers write the same new version of a state, only one write succeeds, so no worker overwrites the change of another', async () => {
      const model = newModel()
      const writers = Array.from({ length: 20 }, (_, i) => `w${i}`)

      const answers = await Promise.all(writers.map(writer => engine.modelStates.write(model, { ...first, writer })))

      expect(new Set(answers.map(({ writer }) => writer)).size).toBe(1)
    })

    it('each model has its own state', async () => {
      const [one, other] = [newModel(), newModel()]
      await engine.modelStates.write(one, first)

      expect(await engine.modelStates.read(other)).toBeUndefined()
    })
  })
}
