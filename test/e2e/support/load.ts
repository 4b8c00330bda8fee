import { expect } from 'vitest'
import type { ApiClient } from './api-client.ts'
import { eventually } from './eventually.ts'
import { type LedgerRow, ledgerRows } from './ledger.ts'
import type { RunningSystem } from './system.ts'

type User = ApiClient & { readonly user: string }

/**
 * Posts a request for each prompt, four in parallel, and returns the ids. More parallel posts would only start more threads of the
 * gateway.
 */
export async function submitAll(client: ApiClient, model: string, prompts: readonly string[]): Promise<string[]> {
  const left = prompts.values()
  const ids: string[] = []
  const poster = async () => {
    for (const prompt of left) ids.push(await client.submit({ prompt, model }))
  }
  await Promise.all(Array.from({ length: 4 }, poster))
  return ids
}

export const prompts = (count: number): string[] => Array.from({ length: count }, (_, i) => `number ${i}`)

/** Waits until the user has nothing in flight, and returns the user's rows. One call for the quota covers all requests. */
export async function endedRows(system: Pick<RunningSystem, 'localJson'>, client: User): Promise<LedgerRow[]> {
  const inFlight = async () => expect(await client.quota()).toMatchObject({ in_flight: { used: 0 } })
  await eventually(inFlight, { timeout: 90_000, interval: 250 })
  return ledgerRows(system, client.user)
}

/** The value that `endings` has if all requests have completed. If a request has failed, the message of the failed test shows the request's error. */
export const allCompleted = (count: number) => Array(count).fill({ status: 'completed', error: null })
export const endings = (rows: readonly LedgerRow[]) => rows.map(({ status, error }) => ({ status, error }))
