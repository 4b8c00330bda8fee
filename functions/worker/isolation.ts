import type { Sleep } from '../core/platform/clock.ts'

/** Ends a call that `enter` has begun. A second use does nothing. */
export type Leave = () => void

/**
 * Keeps an isolated request apart from all others in an environment (a process of Lambda) that runs several invocations
 * at the same time. A request is isolated after its worker has crashed: if the worker crashes again, only this request
 * can be the cause, and no other request is interrupted.
 */
export interface Isolation {
  /**
   * Begins a call for requests. With `alone`, it waits until no other call runs, and later calls wait for the end of
   * this call. Returns undefined if the wait would be longer than `withinMs`, or if this call is not isolated and the
   * environment is closed to such calls.
   */
  enter(alone: boolean, withinMs: number): Promise<Leave | undefined>
}

interface Waiting {
  readonly alone: boolean
  begin(): void
  refuse(): void
}

/**
 * Makes the isolation of one environment. Calls begin in the order in which they came. If other calls run for the whole
 * time that an isolated call may wait, the isolated call is refused, and its message is sent again for a later
 * invocation. Until an isolated call begins, and for `closedMs` at most, the environment is closed: it begins only
 * isolated calls. Otherwise other calls would be running again at each delivery, and the isolated call might never
 * begin. `closedMs` must be at least as long as a call, so that the running calls end while the environment is closed.
 */
export function createIsolation(sleep: Sleep, closedMs: number): Isolation {
  const line: Waiting[] = []
  let running = 0
  let isAlone = false
  /**
   * Set while the environment is closed. Each closing has its own symbol, so that the timer of an earlier closing does
   * not end a later closing.
   */
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
    // An isolated call that has waited in vain for usual calls closes the environment to them. If it has waited for
    // another isolated call, no usual call was in its way, so the environment stays open. The refused call no longer
    // blocks the calls behind it in the line, so these may begin.
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
