import { vi } from 'vitest'

/**
 * Repeats a check every `interval` ms until it throws no more, and answers with what it returns; after `timeout` ms, its last
 * error is thrown.
 */
export const eventually = <T>(check: () => T | Promise<T>, { timeout = 30_000, interval = 50 } = {}): Promise<T> =>
  vi.waitFor(check, { timeout, interval })
