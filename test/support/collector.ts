import type { RequestItem } from '../../functions/core/domain/item.ts'
import { reservationOf } from '../../functions/core/domain/item.ts'
import type { OutcomeEvent } from '../../functions/core/domain/messages.ts'
import type { Entry, Recorded } from '../../functions/core/stores/ledger/port.ts'
import { NOW } from './clock.ts'
import { type MemoryPorts, memoryPorts } from './ports.ts'
import { aMessage, anItem, anOutcome, newUser } from './requests.ts'

const LIMITS = { requests: 99, tokens: 9_999, in_flight: 99 }

/** A ledger that only remembers the batches of entries that it was told to record. */
function recordingLedger() {
  const batches: (readonly Entry[])[] = []
  const record = async (entries: readonly Entry[]): Promise<Recorded> => {
    batches.push(entries)
    return { refused: [] }
  }
  return { batches, record }
}

/** The ports of a collector, in memory, and the entries that its ledger was told to record. */
export function aCollector() {
  const { ledger: _, ...memory } = memoryPorts()
  const ledger = recordingLedger()
  const ports = { ...memory, ledger }
  return { ports, ledger, entries: () => ledger.batches.flat() }
}

/** Creates a running request with an open reservation. */
export async function running(
  ports: Pick<MemoryPorts, 'items' | 'quota'>,
  fields: Partial<RequestItem> = {},
): Promise<RequestItem> {
  const item = anItem({
    user_id: newUser(),
    status: 'running',
    attempt: 1,
    started_at: NOW,
    lease_until: NOW + 60_000,
    ...fields,
  })
  await ports.quota.reserve(reservationOf(item), LIMITS, NOW)
  return ports.items.create(item)
}
export const usedBy = async ({ quota }: Pick<MemoryPorts, 'quota'>, item: RequestItem) => {
  const { requests, tokens, open } = await quota.read(item.user_id, item.window, item.shard)
  return { requests, tokens, open: open.length }
}
/** The `outcome` event of a failed call to the model. */
export const failure = (item: RequestItem, fields: Partial<OutcomeEvent> = {}): OutcomeEvent =>
  anOutcome(item, {
    status: 'failed',
    result: undefined,
    usage: undefined,
    error: { code: 'model_error', message: 'm' },
    message: aMessage(item),
    ...fields,
  })

export function usage(totalTokens: number) {
  return { prompt_tokens: 0, completion_tokens: totalTokens, total_tokens: totalTokens }
}
