/** Makes every decision of a history (one simulated run of Sluice). Decisions come from a seed, or from the recorded list of an earlier history. */
export interface Choices {
  /** Picks one option by weight. The first option causes the least trouble, for example no fault. It is also picked after the end of a recorded list. */
  of<T>(options: readonly (readonly [weight: number, option: T])[]): T
  /** The decisions so far, each as the position of the picked option. */
  readonly taken: readonly number[]
}

export function seededChoices(seed: number): Choices {
  const random = mulberry32(Math.imul(seed, 0x9e3779b9))
  return choices(weights => {
    let left = random() * weights.reduce((sum, weight) => sum + weight, 0)
    const index = weights.findIndex(weight => {
      left -= weight
      return left < 0
    })
    return index === -1 ? weights.length - 1 : index
  })
}

export function replayedChoices(list: readonly number[]): Choices {
  let next = 0
  return choices(weights => {
    const index = list[next++] ?? 0
    return index < weights.length ? index : 0
  })
}

function choices(pick: (weights: readonly number[]) => number): Choices {
  const taken: number[] = []
  return {
    taken,
    of: options => {
      const index = options.length === 1 ? 0 : pick(options.map(([weight]) => weight))
      if (options.length > 1) taken.push(index)
      const option = options[index]
      if (!option) throw new Error('nothing to choose from')
      return option[1]
    },
  }
}

/** Tommy Ettinger's random number generator with 32 bits of state. Its quality is sufficient for choices. */
export function mulberry32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Options of equal weight. */
export const evenly = <T>(options: readonly T[]): (readonly [number, T])[] => options.map(option => [1, option])
