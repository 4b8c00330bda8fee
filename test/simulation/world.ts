import { setImmediate } from 'node:timers/promises'
import { type Call, type Fate, fates, faultsOf, type Outcome } from './faults.ts'
import { describe, type Invocation, type Service, ServiceFault } from './invocation.ts'
import { type Choices, evenly } from './random.ts'

const OUTAGES: readonly Service[] = ['requests', 'quota', 'models', 'queue', 'payloads', 'ledger', 'model']

/** Whether a call takes so long that much else may happen before it. */
const SLOW = [
  [25, false],
  [1, true],
] as const
/** What is late already may come when others have long gone on. */
const SLOWER = [
  [2, false],
  [1, true],
] as const

/** How much oftener a call of those who are troubled goes wrong. */
const MORE_OFTEN = 5

interface Timer {
  readonly by: Invocation
  readonly due: number
  readonly wake: () => void
}

export interface Task<Answer> {
  readonly kind: string
  readonly timeout_ms: number
  readonly run: (invocation: Invocation) => Promise<Answer>
  /** Unless it was killed. */
  readonly whenDone?: (answer: Answer) => void
}

export type World = ReturnType<typeof createWorld>

/** Where a history takes place: one clock, everything that is under way, and whatever goes wrong. */
export function createWorld(choices: Choices, start: number, tracing: boolean) {
  let now = start
  let issuedAt = start
  let issuedBy: Invocation | undefined
  let begun = 0
  let turns = 0
  let steps = 0
  let faults = { left: 0, every: 1, troubled: '' }
  let isAtRest = false
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

  function invoke<Answer>({ kind, timeout_ms, run, whenDone }: Task<Answer>): void {
    const invocation: Invocation = { name: `${kind} ${++begun}`, kind, deadline: now + timeout_ms, state: 'running' }
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

  /** Nothing more comes of it; what it had sent may still arrive. */
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
   * One call of a service: it waits until the scheduler picks it. What an invocation has left under way when it answered
   * goes on, as it does when Lambda thaws its process.
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
    // A model that is down may say so itself.
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
    /** Calls that were done. */
    steps: () => steps,
    clock: () => now,
    /** Tells what comes before what, when the clock does not. */
    turn: () => ++turns,
    /** When the call that is being done was made. */
    issuedAt: () => issuedAt,
    /** Who made it. */
    issuedBy: () => issuedBy,
    advanceTo,
    nextTimer: () => Math.min(...timers.map(({ due }) => due)),

    invoke,
    kill,
    call,
    sleep,
    running: (kind?: string): number => [...running].filter(one => !kind || one.kind === kind).length,
    isBusy: () => calls.length > 0,
    /** Waits for everything that follows from what was done, up to the next call of anybody. */
    settle: () => setImmediate(),
    /** Lets one of the calls through, the oldest more often than others. */
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

    /** Lets so many things go wrong from now on, about one in `every` calls, and more of one kind of invocation's. */
    allow(left: number, every: number, troubled: string): void {
      faults = { left, every, troubled }
    },
    faultsLeft: () => faults.left,
    /** Spends a fault, if one is left. */
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
    /** From now on nothing goes wrong any more, and what was held up goes on. */
    rest(): void {
      faults = { left: 0, every: 1, troubled: '' }
      isAtRest = true
      recover()
      letAllGo()
    },
    isAtRest: () => isAtRest,
  }
}
