/** A queue of items. Each item belongs to a group, and the groups take turns. */
export type FairLine<T> = Iterable<T> & {
  readonly length: number
  push(item: T): void
  /** Removes this item from any position of the queue. Returns whether the queue had the item. */
  remove(item: T): boolean
  /**
   * Removes the next item and returns it, or undefined if the queue is empty. With `loadOf`, the groups do not take turns: the next item is from the
   * group with the lowest load, such as the group with the fewest running invocations.
   */
  shift(loadOf?: (group: unknown) => number): T | undefined
}

/**
 * Creates a queue in which groups take turns: the queue gives one item per group, then starts again with the first group. Within a group,
 * items keep their order. So the first item of a group waits for at most one item of each other group, even if another group has
 * thousands of items.
 */
export function createFairLine<T>(groupOf: (item: T) => unknown, items: Iterable<T> = []): FairLine<T> {
  const lanes = new Map<unknown, Lane<T>>()
  /** The groups that have items. The first group is the next that gives an item. */
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
    const group = loadOf ? lowest(turns.items(), loadOf) : turns.first()
    turns.remove(group)
    const lane = lanes.get(group)
    const item = lane?.shift()
    if (!lane || item === undefined) return undefined
    length--
    if (lane.isEmpty()) lanes.delete(group)
    else turns.push(group)
    return item
  }

  function remove(item: T): boolean {
    const group = groupOf(item)
    const lane = lanes.get(group)
    if (!lane?.remove(item)) return false
    length--
    if (lane.isEmpty()) {
      lanes.delete(group)
      turns.remove(group)
    }
    return true
  }

  for (const item of items) push(item)
  return {
    get length() {
      return length
    },
    push,
    remove,
    shift,
    *[Symbol.iterator]() {
      for (const lane of lanes.values()) yield* lane.items()
    },
  }
}

/** Returns the first item with the lowest value, or undefined if there are no items. */
function lowest<T>(items: Iterable<T>, rank: (item: T) => number): T | undefined {
  let found: { item: T; value: number } | undefined
  for (const item of items) {
    const value = rank(item)
    if (!found || value < found.value) found = { item, value }
  }
  return found?.item
}

type Lane<T> = ReturnType<typeof createLane<T>>

/** The items of one group: first in, first out. It does not use an array's own `shift`, which moves all other items and is slow with tens of thousands. */
function createLane<T>() {
  let kept: T[] = []
  let taken = 0

  function shift(): T | undefined {
    const item = kept[taken++]
    if (taken * 2 >= kept.length) {
      kept = kept.slice(taken)
      taken = 0
    }
    return item
  }

  return {
    first: () => kept[taken],
    isEmpty: () => taken === kept.length,
    items: () => kept.slice(taken),
    push: (item: T) => void kept.push(item),
    shift,
    /** Removes an item from any position. Returns whether the lane had the item. */
    remove(item: T): boolean {
      const at = kept.indexOf(item, taken)
      if (at < 0) return false
      if (at === taken) shift()
      else kept.splice(at, 1)
      return true
    },
  }
}
