import type { Priority } from '../domain/ids.ts'
import type { ModelState } from './state.ts'

/** Why a call may not be made now. `busy`: another call of its priority is under way, and the model takes one at a time. */
export type DeferralReason = 'halted' | 'open' | 'paused' | 'rate limited' | 'busy'

export type Permit =
  /** The call may be made at `at` (epoch milliseconds): not before, and hardly later (see `isLate`). */
  | {
      readonly granted: true
      readonly at: number
      /** The id of a probe: `report` must tell how it came out. */
      readonly probe?: string | undefined
      /** The call is a probe of a halted model or of one that is only tried: it spends no attempt of a request that it does not end. */
      readonly is_free?: true
      /** The id of the lease of its priority's one call: `report` ends the lease. Only where the model takes one call at a time. */
      readonly lease?: string | undefined
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
  /** The ids of the users of the call's requests. */
  readonly users?: readonly string[] | undefined
  /** The priority of the call's requests. */
  readonly priority?: Priority | undefined
  /** The slot that was granted before, epoch milliseconds. */
  readonly slot?: number | undefined
  /** The id of a probe that was granted before and has not been made yet. */
  readonly probe?: string | undefined
  /** The id of a lease that was granted before and is still held. */
  readonly lease?: string | undefined
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

/** Why a model is halted: no retry heals it, and no request is to blame for it. */
export interface HaltReason {
  readonly code: string
  /** The HTTP status, if there was one. */
  readonly status?: number | undefined
  /** A sentence for operators. */
  readonly reason: string
}

/** A failed call as operators are told of it. */
export interface CallFailure extends HaltReason {
  /** The request of the call, or one of them. */
  readonly request_id: string
}

/** The newest failed call of a model that was noted. */
export interface LastFailure extends CallFailure {
  /** Epoch milliseconds. */
  readonly at: number
}

/**
 * What calls say about their model: it is healthy, nothing (as when no call was made), how many calls have failed, that the model
 * must not be called, or that it has refused the call with 403. A 403 may be for one user or for all: see `halt.ts`.
 */
export type Findings =
  | 'healthy'
  | 'nothing'
  | { readonly failures: number }
  | { readonly halt: HaltReason }
  | { readonly refused: HaltReason }

export interface Report {
  readonly findings: Findings
  /** A call that failed or was refused, for operators. No decision depends on it. */
  readonly failure?: CallFailure | undefined
  /**
   * Whether the model has only refused requests, with a status from 300 on. That shows that it answers, and not that it takes other
   * requests again.
   */
  readonly is_refusal?: boolean | undefined
  /** The ids of the users of the successful calls' requests, or of the failed calls' requests if no call has succeeded. */
  readonly users?: readonly string[] | undefined
  /** Whether each request of the failed calls had been tried before. */
  readonly repeated?: boolean | undefined
  readonly probe?: string | undefined
  /** The lease of the call, which is over. */
  readonly lease?: string | undefined
  /** The model has asked for no calls until then, epoch milliseconds. */
  readonly pause_until?: number | undefined
  /** The model has said that it is loading: it is tried by one call at a time until it answers. */
  readonly loading?: boolean | undefined
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
   * Returns whether a call whose time was `at` must ask for another permit. A later call would not be counted at the
   * time when it is made, and a circuit or a pause that began since then would not stop it.
   */
  isLate(at: number): boolean
  /** Tells how calls came out. Returns whether the model is halted now. Rejects with `Unavailable`. */
  report(report: Report): Promise<{ readonly halted: boolean }>
  /**
   * Until when the model is halted or its circuit is open, epoch milliseconds, as this process knows it. After a report, it knows what
   * the report changed.
   */
  heldUntil(userId: string): number | undefined
}

/** Keeps what the workers of a model share about it. Methods reject with `Unavailable`. */
export interface ModelStateStore {
  /** Strongly consistent. Returns undefined for a model whose state was never written. */
  read(model: string): Promise<ModelState | undefined>
  /**
   * Replaces a state by its next version, if the version before is still there. Returns the state that is there
   * afterwards: `next` itself if it was written, now or by a try whose answer was lost.
   */
  write(model: string, next: ModelState): Promise<ModelState>
}

/** Keeps the newest failed call of each model, for operators. No decision depends on it. Methods reject with `Unavailable`. */
export interface FailureNotes {
  /** A call that is older than the stored one changes nothing. */
  note(model: string, failure: LastFailure): Promise<void>
  /** Returns undefined if no call was noted. */
  last(model: string): Promise<LastFailure | undefined>
}
