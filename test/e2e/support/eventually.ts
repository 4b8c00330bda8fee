import { vi } from 'vitest'

/**
 * Repeats a check every `interval` ms until it does not throw, and returns its value. After `timeout` ms, throws the last error of
 * the check.
 */
export const eventually = <T>(check: () => T | Promise<T>, { timeout = 30_000, interval = 50 } = {}): Promise<T> =>
  vi.waitFor(check, { timeout, interval })
