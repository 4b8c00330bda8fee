import { type Invocation, type Service, ServiceFault } from './invocation.ts'

/** A call to a service that was made and has not yet taken effect. */
export interface Call {
  /** The invocation that waits for the answer. Undefined if the call arrives late, when no invocation waits for it. */
  readonly by: Invocation | undefined
  /** The invocation that made the call. */
  readonly issuer: Invocation
  readonly service: Service
  readonly label: () => string
  readonly effect: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly issued_at: number
  /** True if the client repeats the call itself, as the SDK's clients do. */
  readonly repeats: boolean
}

const FAULTS = [
  'fails',
  'works, but its reply is lost',
  'is done twice, as the SDK retries it',
  'is late: its caller gives up first',
  'does not happen: its caller is killed',
  'works: its caller is killed',
  'is late: its caller is killed first',
] as const

/** What happens to a call. */
export type Fate = 'works' | (typeof FAULTS)[number]

const ONCE = FAULTS.filter(fault => fault !== 'is done twice, as the SDK retries it')
/** The faults of a call to the model. Lost and late answers are left out, because they are already among the answers in `model-answers.ts`. */
const OF_MODEL = FAULTS.filter(fault => fault === 'fails' || fault.includes('killed'))

export function faultsOf({ service, repeats }: Call): readonly Fate[] {
  if (service === 'model') return OF_MODEL
  return repeats ? FAULTS : ONCE
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown }

/** The actions from which the fates of calls are built. */
interface Means {
  /** Applies the call's effect. */
  act(call: Call): Outcome
  /** Puts the call back into the set of calls that have not taken effect. */
  again(call: Call): void
  kill(invocation: Invocation): void
}

export function fates({ act, again, kill }: Means): Readonly<Record<Fate, (call: Call) => void>> {
  const killCaller = ({ by }: Call): void => {
    if (by) kill(by)
  }
  const sendLate = (call: Call): void => again({ ...call, by: undefined })

  return {
    works: call => {
      const outcome = act(call)
      if ('error' in outcome) call.reject(outcome.error)
      else call.resolve(outcome.value)
    },
    fails: call => call.reject(new ServiceFault(`${call.service} fails`)),
    'works, but its reply is lost': call => {
      act(call)
      call.reject(new ServiceFault('no answer'))
    },
    'is done twice, as the SDK retries it': call => {
      act(call)
      again(call)
    },
    'is late: its caller gives up first': call => {
      sendLate(call)
      call.reject(new ServiceFault('no answer in time'))
    },
    'does not happen: its caller is killed': killCaller,
    'works: its caller is killed': call => {
      act(call)
      killCaller(call)
    },
    'is late: its caller is killed first': call => {
      sendLate(call)
      killCaller(call)
    },
  }
}
