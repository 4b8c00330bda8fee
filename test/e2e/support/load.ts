import { expect } from 'vitest'
import type { ApiClient } from './api-client.ts'
import { eventually } from './eventually.ts'
import { type LedgerRow, ledgerRows } from './ledger.ts'
import type { RunningSystem } from './system.ts'

type User = ApiClient & { readonly user: string }

/**
 * Posts a request for each prompt, a few at a time: more at once would only be as many more threads on this machine. Answers
 * with their ids.
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

/** A user's rows once nothing of his is in flight; he may have many, so the quota is asked for them all, and not often. */
export async function endedRows(system: Pick<RunningSystem, 'localJson'>, client: User): Promise<LedgerRow[]> {
  const inFlight = async () => expect(await client.quota()).toMatchObject({ in_flight: { used: 0 } })
  await eventually(inFlight, { timeout: 90_000, interval: 250 })
  return ledgerRows(system, client.user)
}

/** For tests that expect each of a user's requests to complete: a failure shows why. */
export const allCompleted = (count: number) => Array(count).fill({ status: 'completed', error: null })
export const endings = (rows: readonly LedgerRow[]) => rows.map(({ status, error }) => ({ status, error }))
