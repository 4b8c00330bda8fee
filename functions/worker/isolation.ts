import type { Sleep } from '../core/platform/clock.ts'

/** Ends a stay. A second call does nothing. */
export type Leave = () => void

/** Keeps an isolated request apart from all others in an environment that runs several invocations at a time. */
export interface Isolation {
  /**
   * Begins a call for requests. With `alone`, it waits until no other call runs, and calls that come later wait for its end. Answers with
   * undefined if it would have to wait longer than `withinMs`.
   */
  enter(alone: boolean, withinMs: number): Promise<Leave | undefined>
}

interface Waiting {
  readonly alone: boolean
  admit(): void
}

/** Calls begin in the order in which they came, so that no isolated one waits for ever. */
export function createIsolation(sleep: Sleep): Isolation {
  const line: Waiting[] = []
  let running = 0
  let isAlone = false

  const mayBegin = ({ alone }: Waiting): boolean => !isAlone && !(alone && running > 0)

  function advance(): void {
    for (let [next] = line; next && mayBegin(next); [next] = line) {
      line.shift()
      running += 1
      isAlone = next.alone
      next.admit()
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

  return {
    async enter(alone, withinMs) {
      const { promise, resolve } = Promise.withResolvers<Leave | undefined>()
      const waiting: Waiting = { alone, admit: () => resolve(leaveOnce()) }
      line.push(waiting)
      advance()
      if (!line.includes(waiting)) return promise
      void sleep(Math.max(0, withinMs)).then(() => {
        const index = line.indexOf(waiting)
        if (index < 0) return
        line.splice(index, 1)
        resolve(undefined)
        advance()
      })
      return promise
    },
  }
}
