import type { Payloads } from '../../../functions/core/stores/payloads/port.ts'

/** Keeps payloads in memory as JSON texts. */
export function memoryPayloads(): Payloads & { readonly stored: ReadonlyMap<string, string> } {
  const stored = new Map<string, string>()
  return {
    stored,
    put: async (key, json) => {
      stored.set(key, json)
    },
    delete: async key => {
      stored.delete(key)
    },
    get: async key => {
      const json = stored.get(key)
      return json === undefined ? undefined : JSON.parse(json)
    },
  }
}
