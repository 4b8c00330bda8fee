import type { Priority } from '../domain/ids.ts'
import type { ModelState } from './state.ts'

/**
 * The reason why a call may not be made now. `busy`: the model takes one call of this priority at a time, and another
 * one is running.
 */
export type DeferralReason = 'halted' | 'open' | 'paused' | 'rate limited' | 'busy'

export type Permit =
  /**
   * The call may be made at the time `at` (epoch milliseconds). It must not be made earlier, and only a little later
   * (see `isLate`).
   */
  | {
      readonly granted: true
      readonly at: number
      /**
       * The id of the probe, if the call is a probe. The caller must report the result of the call with this id.
       * Otherwise no other probe can be made until the worker of this one has certainly ended.
       */
      readonly probe?: string | undefined
      /**
       * Set if the call is a probe of a halted model, or of a model in a long pause. If such a call does not end a
       * request, it does not count as an attempt of this request.
       */
      readonly is_free?: true
      /**
       * The id of the lease of this call, if the model takes one call of the call's priority at a time. `report` ends
       * the lease. Until then, no other call of this priority can begin.
       */
      readonly lease?: string | undefined
    }
  /** The worker must ask again for the call at `until` (epoch milliseconds). */
  | {
      readonly granted: false
      readonly until: number
      readonly because: DeferralReason
      /**
       * Whether the request waits until that time in the backlog, i.e. among the requests that expect a slot of the
       * rate limit.
       */
      readonly isInBacklog?: boolean
    }

export interface Ask {
  /** The ids of the users of the call's requests. */
  readonly users?: readonly string[] | undefined
  /** The priority of the call's requests. */
  readonly priority?: Priority | undefined
  /** The slot (the time at which the rate limit allows the call) that was granted before, epoch milliseconds. */
  readonly slot?: number | undefined
  /** The id of a probe that was granted before and has not been made yet. */
  readonly probe?: string | undefined
  /** The id of a lease that was granted before and is still held. */
  readonly lease?: string | undefined
  /**
   * Whether the request may join the backlog, i.e. the requests that wait for a slot (`joins`), asks again after a wait
   * in the backlog (`has waited`), or has already had a slot (`has left`). Absent for an urgent request, which never
   * waits in the backlog.
   */
  readonly backlog?: 'joins' | 'has waited' | 'has left' | undefined
  /**
   * If the call missed its last slot: the time from asking for that slot until the call was ready, in milliseconds. The
   * next slots are then granted further ahead, so that their calls are in time.
   */
  readonly took?: number | undefined
  /**
   * The time at which the asking worker has certainly ended, in epoch milliseconds. A lease or a probe of the call ends
   * then, even without a report. So a crash of the worker does not block the model for ever.
   */
  readonly until: number
}

/** The reason of a halt: an error that a retry can't fix, and that no single request has caused. */
export interface HaltReason {
  readonly code: string
  /** The HTTP status, if there was one. */
  readonly status?: number | undefined
  /** A sentence for operators. */
  readonly reason: string
}

/** A failed call, in the form that operators see. */
export interface CallFailure extends HaltReason {
  /** The id of the call's request, or of one of the call's requests. */
  readonly request_id: string
}

/** The newest failed call to a model that was noted for operators. */
export interface LastFailure extends CallFailure {
  /** Epoch milliseconds. */
  readonly at: number
}

/**
 * The findings of calls about their model. `healthy`: the model works. `nothing`: the calls say nothing about the
 * model, for example because no call was made. `failures`: the number of failed calls. `halt`: the reason to halt the
 * model. `refused`: a 403, which may be for one user or for all (`halt.ts`).
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
   * not that it accepts other requests again. So such an answer to a probe does not end a halt.
   */
  readonly is_refusal?: boolean | undefined
  /** The ids of the users of the successful calls' requests, or of the failed calls' requests if no call has succeeded. */
  readonly users?: readonly string[] | undefined
  /**
   * Whether each request of the failed calls had been tried before. If so, these requests may be the cause of the
   * failures, and not the model.
   */
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
 * Decides when a model may be called. The decision follows from the model's halt, circuit and rate limit, and from the
 * pauses that the model asks for. All workers of the model share this state.
 */
export interface FlowControl {
  /**
   * Asks for a permit for one call. If the call has a `slot` that was granted before, the permit is for this slot,
   * unless the slot is over. A call whose `probe` was granted before stays the probe. A request that joins the backlog
   * lets urgent requests go first: it gets a slot only when it asks again, shortly before the slot. If `permit` rejects
   * with `Unavailable`, no call may be made, because it might exceed the rate limit or reach a model that is down.
   */
  permit(ask: Ask): Promise<Permit>
  /**
   * Returns whether the permit of a call for the time `at` is too old, so that the call must ask for another permit.
   * With an old permit, the rate limit would have counted the call at a time at which the call was not made, and an
   * interval could get too many calls. And a circuit or a pause that began later would not stop the call.
   */
  isLate(at: number): boolean
  /** Reports the results of calls. Returns whether the model is halted now. Rejects with `Unavailable` if the service can't be reached. */
  report(report: Report): Promise<{ readonly halted: boolean }>
  /**
   * Returns the time until which the model is halted or its circuit is open for this user, in epoch milliseconds, as
   * far as this process knows. The process knows the changes by its own reports, and may not know recent changes by
   * other workers. A request whose call has just failed waits for longer than this time. Otherwise probes would use up
   * its attempts.
   */
  heldUntil(userId: string): number | undefined
}

/** Stores the state that the workers of a model share. Methods reject with `Unavailable`. */
export interface ModelStateStore {
  /** Reads a state with a strongly consistent read. Returns undefined for a model whose state was never written. */
  read(model: string): Promise<ModelState | undefined>
  /**
   * Writes the state `next`, if the stored state is the version directly before it. Returns the state that is stored
   * afterwards. This is `next` itself if it was written, by this try or by an earlier try whose answer was lost.
   */
  write(model: string, next: ModelState): Promise<ModelState>
}

/**
 * Stores the newest failed call to each model, for operators. No decision depends on it. Methods reject with
 * `Unavailable`.
 */
export interface FailureNotes {
  /** Stores a failed call. If the call is older than the stored one, nothing changes. */
  note(model: string, failure: LastFailure): Promise<void>
  /** Reads the newest failed call. Returns undefined if no call was stored. */
  last(model: string): Promise<LastFailure | undefined>
}
