import { failureOf, usageOf } from '../core/domain/events.ts'
import { type RequestItem, reservationOf } from '../core/domain/item.ts'
import type { OutcomeEvent, ResultEvent } from '../core/domain/messages.ts'
import { costOf } from '../core/domain/price.ts'
import { discardBody } from '../core/lifecycle/discard-body.ts'
import { inEachSpan, inSpan } from '../core/platform/tracing/in-span.ts'
import type { Span } from '../core/platform/tracing/port.ts'
import { traceIdOf } from '../core/platform/tracing/traceparent.ts'
import { ignoreUnavailable } from '../core/platform/unavailable.ts'
import type { Entry } from '../core/stores/ledger/port.ts'
import { announce } from './announce.ts'
import { acceptedEntry, decidedEntry, endedEntry, refusedEntry, unreadableEntry } from './entry.ts'
import type { CollectorPorts } from './ports.ts'

/** An event, its entry for the ledger, and the item that accepted the event if it was an outcome. */
interface Taken {
  readonly event: ResultEvent
  readonly entry: Entry
  readonly item?: RequestItem
}

/**
 * The events that failed, each with its error. These events must be redelivered. The steps that were already done for
 * them can be repeated without harm.
 */
type Failures = Map<ResultEvent, unknown>

export interface Collected {
  readonly failures: ReadonlyMap<ResultEvent, unknown>
  /** The requests that have ended and are now recorded in the ledger, whichever function ended them. */
  readonly ended: readonly Ended[]
}

/** The end of a request, and its charge in this run. */
export type Ended = Pick<
  RequestItem,
  | 'request_id'
  | 'user_id'
  | 'model'
  | 'status'
  | 'run'
  | 'attempt'
  | 'error'
  | 'charge'
  | 'created_at'
  | 'started_at'
  | 'completed_at'
> & { readonly trace_id?: string }

/** The span in which an event is processed. */
export type SpanOf = (event: ResultEvent) => Span

/**
 * Takes a batch of events in five steps. Decide: each outcome is written into its request item. Record: one statement
 * writes all rows to the ledger. Discard: the stored body and result of a request that was cancelled while it ran are
 * deleted. Settle: the reservations are closed, with one update per user where possible. Announce: with RabbitMQ, other
 * systems get the ends of requests. Each step can be repeated, so if the collector stops between two steps, the
 * redelivery of the events does the missing steps. Never rejects.
 */
export async function collect(
  ports: CollectorPorts,
  events: readonly ResultEvent[],
  spanOf: SpanOf = ports.tracing.current,
): Promise<Collected> {
  const failures: Failures = new Map()
  const taken = await takeAll(ports, events, failures, spanOf)
  await record(ports, taken, failures, spanOf)
  const discarded = await Promise.allSettled(taken.map(one => discard(ports, one, failures)))
  await settle(ports, taken, failures, spanOf)
  // If a deletion fails because of a defect, the charge is settled nevertheless. The event is redelivered, so that
  // operators see the defect.
  for (const [i, result] of discarded.entries()) {
    const one = taken[i]
    if (one && result.status === 'rejected' && !failures.has(one.event)) failures.set(one.event, result.reason)
  }
  await announceAll(ports, taken, failures)
  const ended = taken.flatMap(one => (failures.has(one.event) ? [] : endOf(one, spanOf)))
  return { failures, ended }
}

async function takeAll(
  ports: CollectorPorts,
  events: readonly ResultEvent[],
  failures: Failures,
  spanOf: SpanOf,
): Promise<Taken[]> {
  const taken: Taken[] = []
  await Promise.all(
    events.map(async event => {
      try {
        const one = await spanOf(event).run(() => take(ports, event))
        if (one) taken.push(one)
      } catch (error) {
        failures.set(event, error)
      }
    }),
  )
  return taken
}

async function take(ports: CollectorPorts, event: ResultEvent): Promise<Taken | undefined> {
  switch (event.type) {
    case 'accepted':
      return { event, entry: acceptedEntry(event) }
    case 'ended':
      return { event, entry: endedEntry(event) }
    case 'unreadable':
      return { event, entry: unreadableEntry(event) }
    case 'refused':
      return { event, entry: refusedEntry(event) }
    case 'outcome': {
      const item = await inSpan(ports.tracing, 'result', {}, () => ports.items.decide(decisionOf(event)))
      return item && { event, entry: decidedEntry(event, item), item }
    }
  }
}

/**
 * Makes the decision of an outcome, with its charge. A request that never reached the model costs nothing. A success
 * without a reported usage costs its estimate, or the minimum that its worker reports, if the minimum is more. The
 * transition that ends the request writes the charge into the item. So the charge is decided once, and a repeated event
 * can't change it (I3).
 */
function decisionOf(event: OutcomeEvent) {
  const { user_id, request_id, run, attempt, status, completed_at } = event
  const usage = usageOf(event)
  const unreported = status === 'completed' ? Math.max(event.estimate, event.charge_at_least ?? 0) : 0
  const charge = event.reached ? (usage?.total_tokens ?? unreported) : undefined
  const cost = charge !== undefined && event.price ? { cost: costOf(event.price, charge, usage) } : {}
  return { user_id, request_id, run, attempt, status, completed_at, usage, error: failureOf(event), charge, ...cost }
}

async function record(
  { ledger, tracing }: CollectorPorts,
  taken: readonly Taken[],
  failures: Failures,
  spanOf: SpanOf,
): Promise<void> {
  const spans = taken.map(({ event }) => spanOf(event))
  try {
    const { refused } = await inEachSpan(tracing, spans, 'ledger', () => ledger.record(taken.map(({ entry }) => entry)))
    for (const { entry, reason } of refused)
      for (const one of taken)
        if (one.entry === entry) failures.set(one.event, new Error(`Postgres refuses the row: ${reason}`))
  } catch (error) {
    for (const { event } of taken) failures.set(event, error)
  }
}

/**
 * Announces the ends that are recorded and settled to the other systems that read from the broker. If an announcement
 * fails, its event is redelivered, and the earlier steps are repeated without harm.
 */
async function announceAll(ports: CollectorPorts, taken: readonly Taken[], failures: Failures): Promise<void> {
  if (!ports.queue.announce) return
  await Promise.all(
    taken.map(async ({ event, item }) => {
      if (failures.has(event)) return
      try {
        await announce(ports, event, item)
      } catch (error) {
        failures.set(event, error)
      }
    }),
  )
}

/**
 * Deletes the body and the result of a request that was cancelled while it ran. The request is charged nevertheless,
 * because the model has worked for it.
 */
async function discard({ payloads }: CollectorPorts, { event, item }: Taken, failures: Failures): Promise<void> {
  if (item?.status !== 'cancelled' || event.type !== 'outcome' || failures.has(event)) return
  await discardBody({ payloads }, item)
  if (event.result && 'key' in event.result) await payloads.delete(event.result.key).catch(ignoreUnavailable)
}

async function settle(
  { quota, tracing }: CollectorPorts,
  taken: readonly Taken[],
  failures: Failures,
  spanOf: SpanOf,
): Promise<void> {
  const recorded = taken.filter(({ event }) => !failures.has(event))
  const ended = recorded.flatMap(({ item }) => (item ? [item] : []))
  const spans = recorded.flatMap(({ event, item }) => (item ? [spanOf(event)] : []))
  try {
    await inEachSpan(tracing, spans, 'settle', () =>
      quota.close(ended.map(item => ({ reservation: reservationOf(item), charge: item.charge }))),
    )
  } catch (error) {
    for (const { event, item } of recorded) if (item) failures.set(event, error)
  }
}

/** Returns the end of a request. A rejected request was never accepted, so it has no end. */
function endOf({ event, item }: Taken, spanOf: SpanOf): Ended[] {
  const traceId = traceIdOf(item?.traceparent ?? spanOf(event).traceparent)
  const trace = traceId !== undefined && { trace_id: traceId }
  if (item) return [{ ...item, ...trace }]
  return event.type === 'ended' && event.status !== 'rejected' ? [{ ...event, ...trace }] : []
}
