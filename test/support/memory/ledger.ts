import type { Payload } from '../../../functions/core/domain/messages.ts'

/** A ledger that keeps results in memory. A test records the results. */
export function memoryLedger() {
  const results = new Map<string, { run: number; payload: Payload }>()
  return {
    setResult: (requestId: string, payload: Payload, run = 1) => results.set(requestId, { run, payload }),
    result: async (requestId: string, run: number): Promise<Payload | undefined> => {
      const recorded = results.get(requestId)
      return recorded?.run === run ? recorded.payload : undefined
    },
    completed: async (requestIds: readonly string[]): Promise<ReadonlySet<string>> =>
      new Set(requestIds.filter(id => results.has(id))),
    erase: async ({ request_id }: { request_id: string }): Promise<void> => void results.delete(request_id),
  }
}
