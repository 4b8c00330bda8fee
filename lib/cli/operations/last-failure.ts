import type { LastFailure } from '../../../functions/core/flow-control/port.ts'
import { iso } from '../../../functions/core/platform/clock.ts'

/** The description of a model's failed call for operators. */
export interface LastFailureView {
  /** ISO 8601. */
  readonly at: string
  readonly code: string
  readonly status?: number | undefined
  /** A sentence, with the model's own words. */
  readonly reason: string
  readonly request_id: string
}

export const lastFailureOf = ({ at, code, status, reason, request_id }: LastFailure): LastFailureView => ({
  at: iso(at),
  code,
  ...(status !== undefined && { status }),
  reason,
  request_id,
})
