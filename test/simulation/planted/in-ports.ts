import { reservationOf } from '../../../functions/core/domain/item.ts'
import { windowAt } from '../../../functions/core/domain/window.ts'
import type { OutgoingMessage } from '../../../functions/core/queue/port.ts'
import { exceeded } from '../../../functions/core/stores/quota/verdict.ts'
import type { PlantedBug, Ports } from '../compose.ts'
import { USERS } from '../settings.ts'
import { ignored, withCondition, withoutClauses } from './commands.ts'

const typeOf = ({ body }: OutgoingMessage) => (body as { type: string }).type

/** Planted bugs in the ports of the adapters, or in the order in which the use cases call the ports. */
export const IN_PORTS: readonly PlantedBug[] = [
  {
    name: 'an admission reads first and then writes',
    command: withCondition(
      'quota',
      condition => condition.includes('size(#open) < '),
      () => 'attribute_not_exists(#open.#entry) AND attribute_exists(#open)',
    ),
    ports: ports => ({
      ...ports,
      quota: {
        ...ports.quota,
        reserve: async (reservation, limits, now) => {
          const counters = await ports.quota.read(reservation.user_id, reservation.window, reservation.shard)
          if (exceeded(counters, limits, reservation)) return { admitted: false, counters }
          return ports.quota.reserve(reservation, limits, now)
        },
      },
    }),
  },
  {
    name: 'a live lease is ignored',
    command: withoutClauses('requests', ['lease_until <= :now']),
    ports: ports => ({
      ...ports,
      items: {
        ...ports.items,
        claim: async (message, terms) => {
          const claim = await ports.items.claim(message, terms)
          return claim.claimed || !claim.item ? claim : { ...claim, item: { ...claim.item, lease_until: 0 } }
        },
      },
    }),
  },
  {
    name: 'all functions read request items with eventually consistent reads',
    ports: ports => ({ ...ports, items: { ...ports.items, get: ports.items.getPossiblyStale } }),
  },
  {
    name: 'a reservation is released without a tombstone',
    ports: ports => ({ ...ports, items: { ...ports.items, reject: async tombstone => tombstone } }),
  },
  {
    name: 'the tombstone of an orphan replaces an item that was created meanwhile',
    seenAt: 288,
    ports: ports => ({
      ...ports,
      items: {
        ...ports.items,
        create: item => (item.status === 'rejected' ? ports.items.reject(item) : ports.items.create(item)),
      },
    }),
  },
  { name: 'the event of an end is sent after the release', ports: tellingLate },
  {
    name: 'an answer without a usage is charged only its estimate, although the model ignored max_tokens',
    ports: ports => ({
      ...ports,
      queue: {
        ...ports.queue,
        send: (name, message) => {
          const { charge_at_least: _, ...body } = message.body as Record<string, unknown>
          return ports.queue.send(name, { ...message, body })
        },
      },
    }),
  },
  {
    name: 'the body under a key is not compared',
    ports: ports => ({
      ...ports,
      keys: {
        ...ports.keys,
        bind: async (user, key, request, now) => ({
          ...(await ports.keys.bind(user, key, request, now)),
          fingerprint: request.fingerprint,
        }),
      },
    }),
  },
  {
    name: 'a redrive does not close the reservation of the earlier run',
    ports: (ports, by) =>
      by.kind === 'operator' ? { ...ports, quota: { ...ports.quota, close: async () => {} } } : ports,
  },
  {
    name: 'a redrive closes a later run before the ledger knows of its failure',
    seenAt: 2_191,
    letter: (message, item) => ({ ...message, run: item.run }),
  },
  {
    name: 'a request with an unreadable usage is charged 0 tokens',
    ports: ports => ({
      ...ports,
      mappings: {
        ...ports.mappings,
        response: async answer => {
          const mapped = await ports.mappings.response(answer)
          return mapped.isUsageUnreadable && !mapped.usage ? { ...mapped, usage: { total_tokens: 0 } } : mapped
        },
      },
    }),
  },
  {
    name: 'a redrive is charged a request again',
    ports: ports => ({
      ...ports,
      quota: {
        ...ports.quota,
        reserve: (reservation, limits, now) =>
          ports.quota.reserve({ ...reservation, holds_request: true }, limits, now),
      },
    }),
  },
  {
    name: 'the number of a run whose redrive failed is not retired',
    seenAt: 248,
    ports: ports => ({ ...ports, items: { ...ports.items, retireRunNumber: async () => true } }),
  },
  {
    name: 'an event is acknowledged before it is in the ledger',
    ports: ports => ({
      ...ports,
      ledger: {
        ...ports.ledger,
        record: entries => ports.ledger.record(entries).catch(error => ignored(error) ?? { refused: [] }),
      },
    }),
  },
  {
    name: 'a request is accepted before its message is sent',
    ports: (ports, by) =>
      by.kind === 'gateway'
        ? {
            ...ports,
            queue: { ...ports.queue, send: (queue, message) => ports.queue.send(queue, message).catch(ignored) },
          }
        : ports,
  },
  {
    name: 'the item says that the message is sent before it is sent',
    ports: (ports, by) => ({
      ...ports,
      items: {
        ...ports.items,
        get: async (userId, requestId) => {
          const item = await ports.items.get(userId, requestId)
          if (by.kind === 'gateway' && item?.status === 'queued') await ports.items.noteSent(item).catch(ignored)
          return item
        },
      },
    }),
  },
  {
    name: 'a request is accepted before its item is written',
    ports: ports => ({
      ...ports,
      items: { ...ports.items, create: item => ports.items.create(item).catch(error => ignored(error) ?? item) },
    }),
  },
  {
    name: 'a reservation is settled before the outcome is decided',
    ports: ports => ({
      ...ports,
      items: {
        ...ports.items,
        decide: async decision => {
          const item = await ports.items.get(decision.user_id, decision.request_id)
          if (item) await ports.quota.close([{ reservation: reservationOf(item), charge: decision.charge }])
          return ports.items.decide(decision)
        },
      },
    }),
  },
  {
    name: 'a reservation is settled in the window of today, and not in its own window',
    ports: ports => ({
      ...ports,
      quota: {
        ...ports.quota,
        close: closings => {
          const window = windowAt('day', ports.clock()).name
          return ports.quota.close(closings.map(c => ({ ...c, reservation: { ...c.reservation, window } })))
        },
      },
    }),
  },
  {
    name: 'a failure after a call is not charged as a request',
    ports: ports => ({
      ...ports,
      items: {
        ...ports.items,
        decide: decision =>
          ports.items.decide(decision.status === 'failed' ? { ...decision, charge: undefined } : decision),
      },
    }),
  },
  {
    name: 'a request is shown as completed before its result can be read',
    ports: ports => ({
      ...ports,
      ledger: {
        ...ports.ledger,
        result: async (requestId, run) => (await ports.ledger.result(requestId, run)) ?? { inline: null },
      },
    }),
  },
  { name: 'the request of another user is found', ports: readingOthers },
]

/** Sends `ended` events only after the reservation is closed. */
function tellingLate(ports: Ports): Ports {
  const late: (() => Promise<void>)[] = []
  return {
    ...ports,
    queue: {
      ...ports.queue,
      send: async (queue, message) => {
        if (typeOf(message) !== 'ended') return ports.queue.send(queue, message)
        late.push(() => ports.queue.send(queue, message))
      },
    },
    quota: {
      ...ports.quota,
      close: async closings => {
        await ports.quota.close(closings)
        for (const send of late.splice(0)) await send()
      },
    },
  }
}

function readingOthers(ports: Ports): Ports {
  return {
    ...ports,
    items: {
      ...ports.items,
      get: async (user, requestId) => {
        for (const one of [user, ...Object.keys(USERS)]) {
          const item = await ports.items.get(one, requestId)
          if (item) return item
        }
        return undefined
      },
    },
  }
}
