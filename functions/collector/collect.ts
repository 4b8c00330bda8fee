import { type RequestItem, reservationOf } from '../core/domain/item.ts'
import type { OutcomeEvent, ResultEvent } from '../core/domain/messages.ts'
import { discardBody } from '../core/lifecycle/discard-body.ts'
import { ignoreUnavailable } from '../core/platform/unavailable.ts'
import type { Entry } from '../core/stores/ledger/port.ts'
import { acceptedEntry, decidedEntry, endedEntry, refusedEntry, unreadableEntry } from './entry.ts'
import type { CollectorPorts } from './ports.ts'

/** An event, and the item that accepted it if it was an outcome. */
interface Taken {
  readonly event: ResultEvent
  readonly entry: Entry
  readonly item?: RequestItem
}

export interface Collected {
  /** Events that must come again, and why: nothing of theirs is lost by then, whatever was done already. */
  readonly again: ReadonlyMap<ResultEvent, unknown>
  /** Requests of which the ledger has learnt here that they ended, wherever they did. */
  readonly ended: readonly Ended[]
}

/** How a request ended, and what it was charged here. */
export type Ended = Pick<RequestItem, 'request_id' | 'model' | 'status' | 'charge'>

/**
 * Takes a batch of events: decide (each outcome's transition of its item), record (one statement), discard (what was stored
 * for a request that was cancelled while it ran), settle (an update a user where possible). In this order, and each step repeatable, so that a redelivery repairs whatever stopped in
 * between. Never rejects.
 */
export async function collect(ports: CollectorPorts, events: readonly ResultEvent[]): Promise<Collected> {
  const again = new Map<ResultEvent, unknown>()
  const taken = await takeAll(ports, events, again)
  await record(ports, taken, again)
  const discarded = await Promise.allSettled(taken.map(one => discard(ports, one, again)))
  await settle(ports, taken, again)
  // A defect of a deletion keeps no charge from being settled. The event is delivered again, so that somebody learns of it.
  for (const [i, result] of discarded.entries()) {
    const one = taken[i]
    if (one && result.status === 'rejected' && !again.has(one.event)) again.set(one.event, result.reason)
  }
  const ended = taken.flatMap(one => (again.has(one.event) ? [] : endOf(one)))
  return { again, ended }
}

type Again = Map<ResultEvent, unknown>

async function takeAll(ports: CollectorPorts, events: readonly ResultEvent[], again: Again): Promise<Taken[]> {
  const taken: Taken[] = []
  await Promise.all(
    events.map(async event => {
      try {
        const one = await take(ports, event)
        if (one) taken.push(one)
      } catch (error) {
        again.set(event, error)
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
      const item = await ports.items.decide(decisionOf(event))
      return item && { event, entry: decidedEntry(event, item), item }
    }
  }
}

/**
 * The charging rule: what never reached the model costs nothing; a success without a report costs its estimate, or what
 * its worker says that it costs at least. The item's transition writes the charge, so it is decided once (I3).
 */
function decisionOf(event: OutcomeEvent) {
  const { user_id, request_id, run, attempt, status, completed_at, usage, error } = event
  const unreported = status === 'completed' ? Math.max(event.estimate, event.charge_at_least ?? 0) : 0
  const charge = event.reached ? (usage?.total_tokens ?? unreported) : undefined
  return { user_id, request_id, run, attempt, status, completed_at, usage, error, charge }
}

async function record({ ledger }: CollectorPorts, taken: readonly Taken[], again: Again): Promise<void> {
  try {
    const { refused } = await ledger.record(taken.map(({ entry }) => entry))
    for (const { entry, reason } of refused)
      for (const one of taken)
        if (one.entry === entry) again.set(one.event, new Error(`Postgres refuses the row: ${reason}`))
  } catch (error) {
    for (const { event } of taken) again.set(event, error)
  }
}

/** A request that was cancelled while it ran is charged what the model did; its body and its result are of no use. */
async function discard({ payloads }: CollectorPorts, { event, item }: Taken, again: Again): Promise<void> {
  if (item?.status !== 'cancelled' || event.type !== 'outcome' || again.has(event)) return
  await discardBody({ payloads }, item)
  if (event.result && 'key' in event.result) await payloads.delete(event.result.key).catch(ignoreUnavailable)
}

async function settle({ quota }: CollectorPorts, taken: readonly Taken[], again: Again): Promise<void> {
  const recorded = taken.filter(({ event }) => !again.has(event))
  const ended = recorded.flatMap(({ item }) => (item ? [item] : []))
  try {
    await quota.close(ended.map(item => ({ reservation: reservationOf(item), charge: item.charge })))
  } catch (error) {
    for (const { event, item } of recorded) if (item) again.set(event, error)
  }
}

/** What was rejected was never accepted: it is no end of a request. */
function endOf({ event, item }: Taken): Ended[] {
  if (item) return [item]
  return event.type === 'ended' && event.status !== 'rejected' ? [event] : []
}
