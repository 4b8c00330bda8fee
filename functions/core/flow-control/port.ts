import type { ModelState } from './state.ts'

/** Why a call may not be made now. */
export type DeferralReason = 'open' | 'paused' | 'rate limited'

export type Permit =
  /** The call may be made at `at` (epoch milliseconds): not before, and hardly later (see `isLate`). */
  | {
      readonly granted: true
      readonly at: number
      /** The id of a probe: `report` must tell how it came out. */
      readonly probe?: string | undefined
    }
  /** The call must be asked for again at `until`, epoch milliseconds. */
  | {
      readonly granted: false
      readonly until: number
      readonly because: DeferralReason
      /** Whether the request waits in the backlog until then. */
      readonly isInBacklog?: boolean
    }

export interface Ask {
  /** The slot that was granted before, epoch milliseconds. */
  readonly slot?: number | undefined
  /** The id of a probe that was granted before and has not been made yet. */
  readonly probe?: string | undefined
  /**
   * Whether the request joins the backlog, comes back from it, or has already had a slot. Absent for an urgent request,
   * which never waits in the backlog.
   */
  readonly backlog?: 'joins' | 'has waited' | 'has left' | undefined
  /** If the call missed its last slot: how long it took from asking for that slot until it was ready, in milliseconds. */
  readonly took?: number | undefined
  /** When the worker that asks is certainly gone, epoch milliseconds. */
  readonly until: number
}

/** What calls say about their model: it is healthy, nothing (as when no call was made), or how many calls have failed. */
export type Findings = 'healthy' | 'nothing' | { readonly failures: number }

export interface Report {
  readonly findings: Findings
  readonly probe?: string | undefined
  /** The model has asked for no calls until then, epoch milliseconds. */
  readonly pause_until?: number | undefined
}

/** Decides when a model may be called: by its circuit, its rate limit and the pauses that it asks for. All its workers share them. */
export interface FlowControl {
  /**
   * Asks for one call. A `slot` that was granted before is used unless it is over, and a `probe` is kept. A request that
   * joins the backlog lets urgent requests pass, and waits for less time when it comes back. Rejects with `Unavailable`;
   * then nothing may be called.
   */
  permit(ask: Ask): Promise<Permit>
  /**
   * Whether a call whose time was `at` must ask for another permit. A later call would not be counted at the time when it
   * is made, and a circuit or a pause that began since then would not stop it.
   */
  isLate(at: number): boolean
  /** Tells how calls came out. Rejects with `Unavailable`. */
  report(report: Report): Promise<void>
  /** Until when the circuit is open, epoch milliseconds, as this process knows it. After a report, it knows what the report changed. */
  openUntil(): number | undefined
}

/** Keeps what the workers of a model share about it. Methods reject with `Unavailable`. */
export interface ModelStateStore {
  /** Strongly consistent; undefined for a model whose state was never written. */
  read(model: string): Promise<ModelState | undefined>
  /**
   * Replaces a state by its next version, if the version before is still there. Answers with the state that is there
   * afterwards: `next` itself if it was written, now or by a try whose answer was lost.
   */
  write(model: string, next: ModelState): Promise<ModelState>
}
