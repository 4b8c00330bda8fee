/** Waiting items. Each belongs to a group. */
export type FairLine<T> = Iterable<T> & {
  readonly length: number
  push(item: T): void
  /** Removes and returns the next item. Undefined if none waits. */
  shift(): T | undefined
}

/**
 * Creates a queue in which groups take turns: it gives one item per group, then starts again with the first group. Within a group,
 * items keep their order. So the first item of a group waits for at most one item of each other group, even if another group has
 * thousands.
 */
export function createFairLine<T>(groupOf: (item: T) => unknown, items: Iterable<T> = []): FairLine<T> {
  const lanes = new Map<unknown, Lane<T>>()
  /** The groups with items. The next one is first. */
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

  function shift(): T | undefined {
    const group = turns.shift()
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

type Lane<T> = ReturnType<typeof createLane<T>>

/** First in, first out. An array's own `shift` moves all other items, which is slow with tens of thousands of them. */
function createLane<T>() {
  let kept: T[] = []
  let taken = 0
  return {
    isEmpty: () => taken === kept.length,
    items: () => kept.values().drop(taken),
    push: (item: T) => void kept.push(item),
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
