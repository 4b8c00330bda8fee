import { type Clock, type Sleep, systemClock, systemSleep } from '../clock.ts'
import type { Otlp, OtlpKind, OtlpPayload } from './port.ts'
import type { Posted, PostJson } from './post-json.ts'

/**
 * The pause of the export after a failure, in milliseconds. This is also the time in which no invocation waits for an
 * export (`flush`), after an export took longer than an invocation waits. So a slow receiver does not delay every answer.
 */
export const PAUSE_MS = 30_000

/**
 * The most memory for waiting payloads (exports of spans or metrics), in bytes of JSON. They wait while the export
 * pauses, or while an earlier payload is on its way. A payload that does not fit is dropped and counted, so that a
 * receiver that is down does not use up the function's memory.
 */
export const MAX_WAITING_BYTES = 1_048_576

interface Waiting {
  readonly kind: OtlpKind
  readonly url: string
  readonly text: string
  readonly items: number
  readonly supersedes: boolean
}

interface Surroundings {
  readonly clock?: Clock
  readonly sleep?: Sleep
  /** Whether exports fail already, and this was reported. Then the first success is a recovery. Default: false. */
  readonly hasFailed?: boolean
  /**
   * Called with the reason of a failed export, for the first failure after a success. The reason contains no address.
   */
  onFailure?(reason: string): void
  /** Called when an export has succeeded after a failure. */
  onRecovery?(): void
}

/** The URL for each kind that is exported. */
export type OtlpEndpoints = Readonly<Partial<Record<OtlpKind, string>>>

/**
 * Exports payloads by OTLP/HTTP with JSON, one after the other. If the receiver can't be reached, payloads wait in a
 * limited memory, and the next try comes after a pause. If the receiver is only slow, the send goes on, and the
 * invocations do not wait for it.
 */
export function otlpExporter(endpoints: OtlpEndpoints, post: PostJson, surroundings: Surroundings = {}): Otlp {
  const { clock = systemClock, sleep = systemSleep, onFailure, onRecovery } = surroundings
  let waiting: Waiting[] = []
  let onItsWay: Waiting | undefined
  const dropped: Record<OtlpKind, number> = { traces: 0, metrics: 0 }
  let bytes = 0
  let pausedUntil = 0
  let lateUntil = 0
  let hasFailed = surroundings.hasFailed ?? false
  let sending: Promise<void> | undefined

  function take(kind: OtlpKind, { body, items, supersedes = false }: OtlpPayload): void {
    const url = endpoints[kind]
    if (url === undefined) return
    const text = JSON.stringify(body)
    if (supersedes) forget(waiting.filter(one => one.kind === kind && one !== onItsWay))
    if (bytes + text.length > MAX_WAITING_BYTES) {
      dropped[kind] += items
      return
    }
    bytes += text.length
    waiting.push({ kind, url, text, items, supersedes })
  }

  function forget(these: readonly Waiting[]): void {
    for (const { text } of these) bytes -= text.length
    waiting = waiting.filter(one => !these.includes(one))
  }

  /** Returns whether a later payload contains everything of this one. */
  const isOld = (one: Waiting): boolean =>
    waiting.some(later => later !== one && later.kind === one.kind && later.supersedes)

  const nextToSend = (): Waiting | undefined => (clock() < pausedUntil ? undefined : waiting[0])

  /** Sends the waiting payloads, unless the export pauses. Never rejects. */
  function send(): Promise<void> {
    const first = nextToSend()
    if (first) sending ??= sendAll(first)
    return sending ?? Promise.resolve()
  }

  async function sendAll(first: Waiting): Promise<void> {
    for (let next: Waiting | undefined = first; next; next = nextToSend()) {
      onItsWay = next
      const posted = await post(next.url, next.text)
      onItsWay = undefined
      settle(next, posted)
    }
    sending = undefined
  }

  function settle(first: Waiting, posted: Posted): void {
    if (posted.ok) {
      forget([first])
      dropped[first.kind] += Math.min(posted.rejected, first.items)
      if (hasFailed) onRecovery?.()
      hasFailed = false
      return
    }
    if (isOld(first)) forget([first])
    else if (!posted.mayRepeat) {
      forget([first])
      dropped[first.kind] += first.items
    }
    pausedUntil = clock() + PAUSE_MS
    if (!hasFailed) onFailure?.(posted.reason)
    hasFailed = true
  }

  return {
    postOtlp: (kind, payload) => {
      take(kind, payload)
      void send()
    },
    flush: async withinMs => {
      if (waiting.length === 0 || clock() < Math.max(pausedUntil, lateUntil)) return
      const isLate = await Promise.race([send().then(() => false), sleep(withinMs).then(() => true)])
      if (isLate) lateUntil = clock() + PAUSE_MS
    },
    takeDropped: kind => {
      const count = dropped[kind]
      dropped[kind] = 0
      return count
    },
  }
}
