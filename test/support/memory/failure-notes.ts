import type { FailureNotes, LastFailure } from '../../../functions/core/flow-control/port.ts'

/** Keeps the last failed calls in memory. It passes the same contract as the store in DynamoDB. */
export function memoryFailureNotes(): FailureNotes {
  const failures = new Map<string, LastFailure>()
  return {
    note: async (model, failure) => {
      if ((failures.get(model)?.at ?? 0) <= failure.at) failures.set(model, failure)
    },
    last: async model => failures.get(model),
  }
}
