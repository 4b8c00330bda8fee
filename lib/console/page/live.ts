import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import { type CallError, call } from './api.ts'

/** Whether and how often the page reads the operator API again, to update its data. */
export interface Pace {
  readonly isPaused: boolean
  /** The shortest time between two reads, in milliseconds. */
  readonly everyMs: number
  /** Called with the time of each read. */
  noteReading(at: Date): void
}

export const PaceContext = createContext<Pace>({ isPaused: false, everyMs: 2_000, noteReading: () => {} })

export interface Live<T> {
  readonly data: T | undefined
  readonly error: string | undefined
  /** Reads now. */
  reload(): void
}

interface Reading {
  readonly address: string
  readonly data?: unknown
  readonly error?: string
}

/** The pause after a read is at least this many times as long as the read, so that a slow system gets fewer reads. */
const SHARE = 5

/** Reads an address of the operator API again and again, while the page is visible and not paused. */
export function useLive<T>(address: string): Live<T> {
  const { isPaused, everyMs, noteReading } = useContext(PaceContext)
  const [reading, setReading] = useState<Reading>({ address: '' })
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    const ended = new AbortController()
    const readOnce = async (): Promise<void> => {
      try {
        const data = await call<T>(address, { signal: ended.signal })
        setReading({ address, data })
        noteReading(new Date())
      } catch (error) {
        if (ended.signal.aborted) return
        // The data of the last successful read stays on the page, beside the error.
        setReading(before => ({
          ...(before.address === address && before),
          address,
          error: (error as CallError).message,
        }))
      }
    }
    void repeat(readOnce, ended.signal, isPaused ? undefined : everyMs)
    return () => ended.abort()
  }, [address, isPaused, asked, everyMs])
  const isCurrent = reading.address === address
  return {
    data: isCurrent ? (reading.data as T | undefined) : undefined,
    error: isCurrent ? reading.error : undefined,
    reload: () => setAsked(n => n + 1),
  }
}

/** Reads once, and then again after each pause, until `signal` is aborted. Without `everyMs`, it reads only once. */
async function repeat(read: () => Promise<void>, signal: AbortSignal, everyMs: number | undefined): Promise<void> {
  while (!signal.aborted) {
    const began = performance.now()
    await read()
    if (everyMs === undefined) return
    await wait(Math.max(everyMs, SHARE * (performance.now() - began)), signal)
    await untilVisible(signal)
  }
}

const wait = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })

/**
 * Waits until the page is visible. A hidden page reads nothing. On AWS, the database pauses when nobody uses it, and then
 * costs less. The reads of a hidden page would keep it awake.
 */
function untilVisible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve()
  return new Promise(resolve => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true, signal })
    signal.addEventListener('abort', () => resolve())
  })
}
