import type { GuardState } from './state.ts'

/** Why a call may not be made now. */
export type Hindrance = 'open' | 'paused' | 'rate limited'

export type Permit =
  /** The call may be made at `at` (epoch milliseconds), not before it, and hardly later: see `isLate`. */
  | {
      readonly granted: true
      readonly at: number
      /** The id of a probe: `report` must tell what became of it. */
      readonly probe?: string | undefined
    }
  /** Ask again at `until`, epoch milliseconds. */
  | {
      readonly granted: false
      readonly until: number
      readonly because: Hindrance
      /** Whether who comes back then has waited for a turn. */
      readonly isInLine?: boolean
    }

export interface Ask {
  /** Epoch milliseconds, granted before. */
  readonly turn?: number | undefined
  /** The id of a probe that was granted before, and not made yet. */
  readonly probe?: string | undefined
  /** Whether it stands in line for its turn, comes back from it, or has had a turn already; what is urgent does none of it. */
  readonly line?: 'joins' | 'has waited' | 'has left' | undefined
  /** If the turn that it had before was missed: how long it took from asking for that until its call was ready, in milliseconds. */
  readonly took?: number | undefined
  /** When the worker that asks is certainly gone, epoch milliseconds. */
  readonly until: number
}

/** What calls tell of a model: that it is well, nothing, as when none was made, or that so many have failed. */
export type Findings = 'well' | 'nothing' | { readonly failures: number }

export interface Report {
  readonly findings: Findings
  readonly probe?: string | undefined
  /** The model has asked to be left alone until then, epoch milliseconds. */
  readonly pause_until?: number | undefined
}

/** What stands before a model: its circuit, its rate limit, and the pauses that it asks for; shared by all its workers. */
export interface Guard {
  /**
   * Asks for one call. A `turn` that was granted before is used if it is not over, and a `probe` is kept. Who joins the
   * `line` lets the urgent pass, and has less to wait when it comes back. Rejects with `Unavailable`; then nothing may be
   * called.
   */
  permit(ask: Ask): Promise<Permit>
  /**
   * Whether a call whose time was `at` must ask for another one: it would no longer be counted where it is made, or a
   * circuit that has opened since, or a pause, would not hold it up.
   */
  isLate(at: number): boolean
  /** Tells how calls came out. Rejects with `Unavailable`. */
  report(report: Report): Promise<void>
  /** Until when the circuit is open, epoch milliseconds, as this process has last seen it: after a report, as that left it. */
  openUntil(): number | undefined
}

/** Where the workers of a model share what they know of it. Methods reject with `Unavailable`. */
export interface GuardStore {
  /** Strongly consistent; undefined for a model that was never guarded. */
  read(model: string): Promise<GuardState | undefined>
  /**
   * Replaces a state by its next version, if it is still the one before. Answers with the state that is there afterwards:
   * `next` itself if it was written, now or by a try whose answer was lost.
   */
  write(model: string, next: GuardState): Promise<GuardState>
}
