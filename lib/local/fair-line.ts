/** Things that wait, each of a group. */
export type FairLine<T> = Iterable<T> & {
  readonly length: number
  push(item: T): void
  /**
   * Takes the next one out, or answers undefined if none waits. Of groups of which more or less is done already, the one with the
   * lowest `loadOf` is next.
   */
  shift(loadOf?: (group: unknown) => number): T | undefined
}

/**
 * A line in which groups take turns: one thing of each group that has any, in the order they came, then again from the first
 * group on. However much one group has waiting, another one's first thing waits for one of each group at most.
 */
export function createFairLine<T>(groupOf: (item: T) => unknown, items: Iterable<T> = []): FairLine<T> {
  const lanes = new Map<unknown, Lane<T>>()
  /** The groups that have something, the next one first. */
  const turns = createLane<unknown>()
  let length = 0

  function push(item: T): void {
    const group = groupOf(item)
    const lane = lanes.get(group) ?? open(group)
    lane.push(item)
    length++
  }

  function open(group: unknown): Lane<T> {
    const lane = createLane<T>()
    lanes.set(group, lane)
    turns.push(group)
    return lane
  }

  function shift(loadOf?: (group: unknown) => number): T | undefined {
    const group = loadOf ? turns.takeOut(lowest(turns.items(), loadOf)) : turns.shift()
    const lane = lanes.get(group)
    const item = lane?.shift()
    if (!lane || item === undefined) return undefined
    length--
    if (lane.isEmpty()) lanes.delete(group)
    else turns.push(group)
    return item
  }

  for (const item of items) push(item)
  return {
    get length() {
      return length
    },
    push,
    shift,
    [Symbol.iterator]: () => lanes.values().flatMap(lane => lane.items()),
  }
}

/** The first of those that have the lowest value; undefined if there are none. */
function lowest<T>(items: Iterable<T>, rank: (item: T) => number): T | undefined {
  let found: { item: T; value: number } | undefined
  for (const item of items) {
    const value = rank(item)
    if (!found || value < found.value) found = { item, value }
  }
  return found?.item
}

type Lane<T> = ReturnType<typeof createLane<T>>

/** First in, first out. An array's own `shift` moves all that is left, which adds up where tens of thousands wait. */
function createLane<T>() {
  let kept: T[] = []
  let taken = 0
  return {
    isEmpty: () => taken === kept.length,
    items: () => kept.values().drop(taken),
    push: (item: T) => void kept.push(item),
    /** Takes out an item wherever it stands. */
    takeOut<U>(item: T | U): T | U {
      kept = kept.slice(taken).filter(other => other !== item)
      taken = 0
      return item
    },
    shift(): T | undefined {
      const item = kept[taken++]
      if (taken * 2 >= kept.length) {
        kept = kept.slice(taken)
        taken = 0
      }
      return item
    },
  }
}
