import { definitionOf } from './definitions.ts'
import type { Meter, Sample } from './meter.ts'

/** A meter that keeps its values until they are taken. */
export interface Recorder extends Meter {
  /** Returns the values since the last call. */
  take(): readonly Sample[]
}

interface Origin {
  readonly service: string
  /** The model of each value that is added without a model. */
  readonly model?: string | undefined
}

export function createRecorder({ service, model: ownModel }: Origin): Recorder {
  const kept = new Map<string, Omit<Sample, 'service'>>()
  return {
    add(name, value, model = ownModel, queue?: string) {
      const key = `${name} ${model ?? ''} ${queue ?? ''}`
      const before = kept.get(key)?.values ?? []
      const isCounter = definitionOf(name).kind === 'counter'
      kept.set(key, {
        name,
        model,
        ...(queue !== undefined && { queue }),
        values: isCounter ? [(before[0] ?? 0) + value] : [...before, value],
      })
    },
    take() {
      const samples = [...kept.values()].map(one => ({ ...one, service }))
      kept.clear()
      return samples
    },
  }
}
