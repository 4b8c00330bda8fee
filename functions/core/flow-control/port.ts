import type { Priority } from '../domain/ids.ts'
import type { ModelState } from './state.ts'

/**
 * The reason why a call may not be made now. `busy`: another call of its priority is running, and the model takes one
 * at a time.
 */
export type DeferralReason = 'halted' | 'open' | 'paused' | 'rate limited' | 'busy'

export type Permit =
  /** The call may be made at `at` (epoch milliseconds), not earlier, and only a little later (see `isLate`). */
  | {
      readonly granted: true
      readonly at: number
      /** The id of the probe, if the call is one. `report` must report its result. */
      readonly probe?: string | undefined
      /**
       * Set if the call is a probe of a halted model, or of a model in a long pause. Such a call does not count as an
       * attempt of a request that it does not end.
       */
      readonly is_free?: true
      /**
       * The id of the lease of this call, if the model takes one call of its priority at a time. `report` ends the
       * lease.
       */
      readonly lease?: string | undefined
    }
  /** The worker must ask again for the call at `until` (epoch milliseconds). */
  | {
      readonly granted: false
      readonly until: number
      readonly because: DeferralReason
      /** Whether the request waits in the backlog until that time. */
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
  /** If the call missed its last slot: the time from asking for that slot until the call was ready, in milliseconds. */
  readonly took?: number | undefined
  /** The time at which the asking worker is certainly gone, in epoch milliseconds. */
  readonly until: number
}

/** The reason of a halt. A retry can't fix it, and no single request has caused it. */
export interface HaltReason {
  readonly code: string
  /** The HTTP status, if there was one. */
  readonly status?: number | undefined
  /** A sentence for operators. */
  readonly reason: string
}

/** A failed call, in the form that operators see. */
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
 * The findings of calls about their model: it is healthy; nothing, for example because no call was made; a number of
 * failed calls; a reason to halt the model; or a 403. A 403 may be for one user or for all: see `halt.ts`.
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
   * Whether the model has only refused requests, with a status of 300 or more. This shows that the model answers, but
   * not that it accepts other requests again.
   */
  readonly is_refusal?: boolean | undefined
  /** The ids of the users of the successful calls' requests, or of the failed calls' requests if no call has succeeded. */
  readonly users?: readonly string[] | undefined
  /** Whether each request of the failed calls had been tried before. */
  readonly repeated?: boolean | undefined
  readonly probe?: string | undefined
  /** The id of the lease of the call, which has ended. */
  readonly lease?: string | undefined
  /** The time until which the model has asked for no calls, in epoch milliseconds. */
  readonly pause_until?: number | undefined
  /** Whether the model has said that it is loading. Then the model gets one probe at a time until it answers. */
  readonly loading?: boolean | undefined
}

/**
 * Decides when a model may be called, from its halt, its circuit, its rate limit and the pauses that it asks for. All
 * its workers share this state.
 */
export interface FlowControl {
  /**
   * Asks for one call. A `slot` that was granted before is used unless it is over, and a `probe` is kept. A request
   * that joins the backlog lets urgent requests pass, and waits for a shorter time when it comes back. If it rejects
   * with `Unavailable`, no call may be made.
   */
  permit(ask: Ask): Promise<Permit>
  /**
   * Returns whether a call whose time was `at` must ask for another permit. Otherwise the rate limit would have counted
   * the call at a time when it was not made, and a circuit or a pause that began later would not stop it.
   */
  isLate(at: number): boolean
  /** Reports the results of calls. Returns whether the model is halted now. Rejects with `Unavailable`. */
  report(report: Report): Promise<{ readonly halted: boolean }>
  /**
   * Returns the time until which the model is halted or its circuit is open, in epoch milliseconds, as far as this
   * process knows. It knows the changes of its own reports.
   */
  heldUntil(userId: string): number | undefined
}

/** Stores the state that the workers of a model share. Methods reject with `Unavailable`. */
export interface ModelStateStore {
  /** Reads a state, strongly consistent. Returns undefined for a model whose state was never written. */
  read(model: string): Promise<ModelState | undefined>
  /**
   * Replaces a state by its next version, if the stored version is the one before. Returns the stored state: `next`
   * itself if it was written, now or by a try whose answer was lost.
   */
  write(model: string, next: ModelState): Promise<ModelState>
}

/**
 * Stores the newest failed call of each model, for operators. No decision depends on it. Methods reject with
 * `Unavailable`.
 */
export interface FailureNotes {
  /** Stores a failed call. If the call is older than the stored one, nothing changes. */
  note(model: string, failure: LastFailure): Promise<void>
  /** Reads the newest failed call. Returns undefined if no call was stored. */
  last(model: string): Promise<LastFailure | undefined>
}
