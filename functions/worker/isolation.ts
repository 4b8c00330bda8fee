import type { Sleep } from '../core/platform/clock.ts'

/** Ends a stay. A second call does nothing. */
export type Leave = () => void

/** Keeps an isolated request apart from all others in an environment that runs several invocations at a time. */
export interface Isolation {
  /**
   * Begins a call for requests. With `alone`, it waits until no other call runs, and calls that come later wait for its
   * end. Returns undefined if it would have to wait longer than `withinMs`, or if the environment is closed to calls
   * that are not isolated.
   */
  enter(alone: boolean, withinMs: number): Promise<Leave | undefined>
}

interface Waiting {
  readonly alone: boolean
  begin(): void
  refuse(): void
}

/**
 * Calls begin in the order in which they came. An isolated call whose time ends while others run comes back in a later invocation. Until it
 * begins, the environment is closed to all calls that are not isolated, for `closedMs` after its time has ended. Otherwise it would meet others
 * each time, where calls take longer than it may wait. If `closedMs` is as long as a call, the calls that run have ended by then.
 */
export function createIsolation(sleep: Sleep, closedMs: number): Isolation {
  const line: Waiting[] = []
  let running = 0
  let isAlone = false
  /** There while the environment is closed. Each closing has its own, so that the end of an earlier one opens nothing. */
  let closing: symbol | undefined

  const mayBegin = ({ alone }: Waiting): boolean => !isAlone && !(alone && running > 0)

  function advance(): void {
    for (let [next] = line; next && mayBegin(next); [next] = line) {
      line.shift()
      running += 1
      isAlone = next.alone
      if (isAlone) closing = undefined
      next.begin()
    }
  }

  function leaveOnce(): Leave {
    let hasLeft = false
    return () => {
      if (hasLeft) return
      hasLeft = true
      running -= 1
      isAlone = false
      advance()
    }
  }

  function close(): void {
    const own = Symbol()
    closing = own
    for (const waiting of line.splice(0)) {
      if (waiting.alone) line.push(waiting)
      else waiting.refuse()
    }
    void sleep(closedMs).then(() => {
      if (closing === own) closing = undefined
    })
  }

  function endTimeOf(waiting: Waiting): void {
    const index = line.indexOf(waiting)
    if (index < 0) return
    line.splice(index, 1)
    waiting.refuse()
    // Behind another isolated call it has met nobody who would not have let it begin. All others get their turn then.
    if (waiting.alone && !isAlone) close()
    advance()
  }

  return {
    async enter(alone, withinMs) {
      if (closing && !alone) return undefined
      const { promise, resolve } = Promise.withResolvers<Leave | undefined>()
      const waiting = { alone, begin: () => resolve(leaveOnce()), refuse: () => resolve(undefined) }
      line.push(waiting)
      advance()
      if (line.includes(waiting)) void sleep(Math.max(0, withinMs)).then(() => endTimeOf(waiting))
      return promise
    },
  }
}
