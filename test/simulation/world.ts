import { setImmediate } from 'node:timers/promises'
import { type Call, type Fate, fates, faultsOf, type Outcome } from './faults.ts'
import { describe, type Invocation, type Service, ServiceFault } from './invocation.ts'
import { type Choices, evenly } from './random.ts'

const OUTAGES: readonly Service[] = ['requests', 'quota', 'models', 'queue', 'payloads', 'ledger', 'model']

/** Whether a call is slow, with weights. Many other events may happen before a slow call takes effect. */
const SLOW = [
  [25, false],
  [1, true],
] as const
/** Whether a call is slow if its caller has ended or has given up, with weights. */
const SLOWER = [
  [2, false],
  [1, true],
] as const

/** Calls of the function that the history's mood names as troubled fail more often by this factor. */
const MORE_OFTEN = 5

interface Timer {
  readonly by: Invocation
  readonly due: number
  readonly wake: () => void
}

export interface Task<Answer> {
  readonly kind: string
  readonly timeoutMs: number
  readonly run: (invocation: Invocation) => Promise<Answer>
  /** Is called with the answer, unless the invocation was killed. */
  readonly whenDone?: (answer: Answer) => void
}

export type World = ReturnType<typeof createWorld>

/** Makes the scheduler of a history. It has the only clock, holds all calls that have not yet taken effect, and decides on all faults. */
export function createWorld(choices: Choices, start: number, tracing: boolean) {
  let now = start
  let issuedAt = start
  let issuedBy: Invocation | undefined
  let begun = 0
  let turns = 0
  let steps = 0
  let faults = { left: 0, every: 1, troubled: '' }
  let isAtRest = false
  let restSince = 0
  let violation: string | undefined
  const history: string[] = []
  const running = new Set<Invocation>()
  const down = new Set<Service>()
  let calls: Call[] = []
  let heldUp: Call[] = []
  let timers: Timer[] = []

  const trace = (line: () => string): void => {
    if (tracing) history.push(`${new Date(now).toISOString().slice(11, 23)}  ${line()}`)
  }
  const violate = (message: string): void => {
    if (violation === undefined) trace(() => `VIOLATED ${message}`)
    violation ??= message
  }

  function invoke<Answer>({ kind, timeoutMs, run, whenDone }: Task<Answer>): void {
    const invocation: Invocation = { name: `${kind} ${++begun}`, kind, deadline: now + timeoutMs, state: 'running' }
    running.add(invocation)
    run(invocation).then(
      answer => {
        if (invocation.state !== 'running') return
        invocation.state = 'done'
        running.delete(invocation)
        whenDone?.(answer)
      },
      error => violate(`${invocation.name} fails with what nobody expected: ${describe(error)}`),
    )
  }

  /** Ends an invocation. Its calls that have not yet taken effect are dropped, or arrive late. */
  function kill(invocation: Invocation, itsCalls: 'are dropped' | 'are late' = 'are dropped'): void {
    running.delete(invocation)
    invocation.state = 'killed'
    timers = timers.filter(({ by }) => by !== invocation)
    const orphaned = (call: Call): Call[] => {
      if (call.by !== invocation) return [call]
      return itsCalls === 'are late' ? [{ ...call, by: undefined }] : []
    }
    calls = calls.flatMap(orphaned)
    heldUp = heldUp.flatMap(orphaned)
  }

  /**
   * Makes one call to a service. The call waits until the scheduler picks it. If an invocation answers before its call has taken effect,
   * the call takes effect later. On Lambda, the same happens when the process of a function is frozen after the answer and used again.
   */
  function call<T>(by: Invocation, service: Service, label: () => string, effect: () => T, repeats = true): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (by.state === 'killed') return
      const answer = { resolve: (value: unknown) => resolve(value as T), reject }
      calls.push({ by, issuer: by, service, label, effect, repeats, issued_at: now, ...answer })
    })
  }

  const sleep = (by: Invocation, ms: number): Promise<void> =>
    new Promise(resolve => {
      if (by.state !== 'killed') timers.push({ by, due: now + Math.ceil(ms), wake: resolve })
    })

  function act({ service, effect, issued_at, issuer }: Call): Outcome {
    // If the AI model is down, its endpoint gives the error answer itself.
    if (down.has(service) && service !== 'model') return { error: new ServiceFault(`${service} is down`) }
    issuedAt = issued_at
    issuedBy = issuer
    try {
      return { value: effect() }
    } catch (error) {
      return { error }
    }
  }

  const meet = fates({ act, kill, again: call => void calls.push(call) })

  function step(one: Call, fate: Fate): void {
    steps++
    trace(() => `${one.by?.name ?? 'nobody'}: ${one.label()}${fate === 'works' ? '' : ` -- ${fate}`}`)
    calls.splice(calls.indexOf(one), 1)
    if (fate !== 'works') faults.left--
    meet[fate](one)
  }

  function fateOf(one: Call): Fate {
    if (faults.left <= 0 || one.by === undefined) return 'works'
    const possible = faultsOf(one)
    const every = one.by.kind === faults.troubled ? faults.every / MORE_OFTEN : faults.every
    return choices.of([[every * possible.length, 'works'], ...evenly(possible)])
  }

  function advanceTo(time: number): void {
    now = Math.max(now, time)
    trace(() => `-- it is ${new Date(now).toISOString()}`)
    const afterwards = [[3, 'are dropped'] as const, [1, 'are late'] as const]
    for (const invocation of [...running].filter(({ deadline }) => deadline <= now)) {
      trace(() => `${invocation.name} has run out of time`)
      kill(invocation, faults.left > 0 ? choices.of(afterwards) : 'are dropped')
    }
    const due = timers.filter(timer => timer.due <= now)
    timers = timers.filter(timer => timer.due > now)
    for (const { wake } of due) wake()
  }

  function recover(): void {
    if (down.size > 0) trace(() => `-- ${[...down].join(', ')} up again`)
    down.clear()
  }

  function letAllGo(): void {
    calls.push(...heldUp.splice(0))
  }

  return {
    choices,
    trace,
    violate,
    violation: () => violation,
    history,
    /** The number of calls that the scheduler has picked, including calls that failed. */
    steps: () => steps,
    clock: () => now,
    /** Returns a number that grows with each call, and so gives an order to events that have the same time. */
    turn: () => ++turns,
    /** The time at which the current call was made. */
    issuedAt: () => issuedAt,
    /** The invocation that made the current call. */
    issuedBy: () => issuedBy,
    advanceTo,
    nextTimer: () => Math.min(...timers.map(({ due }) => due)),

    invoke,
    kill,
    call,
    sleep,
    running: (kind?: string): number => [...running].filter(one => !kind || one.kind === kind).length,
    isBusy: () => calls.length > 0,
    /** Waits until every invocation has made its next call or has ended. */
    settle: () => setImmediate(),
    /** Picks one call, and lets it succeed or fail. It picks the oldest call in more than half of the cases. */
    stepAny(): void {
      const [oldest, ...others] = calls
      if (!oldest) return
      const one = choices.of([[others.length + 1, oldest], ...evenly(others)])
      if (choices.of(one.by ? SLOW : SLOWER)) heldUp.push(...calls.splice(calls.indexOf(one), 1))
      else step(one, fateOf(one))
    },
    stepOldest(): void {
      const [oldest] = calls
      if (oldest) step(oldest, 'works')
    },

    /** Allows `left` faults: about one per `every` calls, and more for the function `troubled`. */
    allow(left: number, every: number, troubled: string): void {
      faults = { left, every, troubled }
    },
    faultsLeft: () => faults.left,
    /** Uses up one fault. Returns false if no fault is left. */
    spend: (): boolean => faults.left > 0 && faults.left-- > 0,
    isHoldingUp: () => heldUp.length > 0,
    letOneGo(): void {
      const one = choices.of(evenly(heldUp))
      calls.push(...heldUp.splice(heldUp.indexOf(one), 1))
    },
    isDown: (service?: Service) => (service ? down.has(service) : down.size > 0),
    breakDown(): void {
      const service = choices.of(evenly(OUTAGES))
      trace(() => `-- ${service} is down`)
      down.add(service)
    },
    recover,
    /** Stops all faults. Slow calls go on. */
    rest(): void {
      faults = { left: 0, every: 1, troubled: '' }
      if (!isAtRest) restSince = now
      isAtRest = true
      recover()
      letAllGo()
    },
    isAtRest: () => isAtRest,
    /** The time in milliseconds since the faults have stopped. */
    restedFor: () => (isAtRest ? now - restSince : 0),
  }
}
