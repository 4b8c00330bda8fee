import { Unavailable } from '../platform/unavailable.ts'
import type { RequestItem } from '../requests/item.ts'
import { admit, type Verdict } from './admit.ts'
import type { GatewayPorts } from './ports.ts'
import type { Prepared } from './prepare.ts'
import { publish } from './publish.ts'
import { quotaExceeded } from './quota-exceeded.ts'
import { takeBack } from './take-back.ts'

export interface Accepted {
  readonly item: RequestItem
  /** Of the shard that admitted it; unknown when an earlier try did. */
  readonly left: (Verdict & { admitted: true })['left']
}

/**
 * Admits a submission and makes it durable. When it resolves, the request will be run (I4). Throws `ApiError` for a
 * refusal, which leaves nothing behind (I6), and `Unavailable` when the item or the message could not be written: what
 * had been done by then is taken back, here or by whoever meets it.
 */
export async function submitRequest(ports: GatewayPorts, prepared: Prepared): Promise<Accepted> {
  const verdict = await admit(ports, prepared, item => takeBack(ports, item, ports.clock()))
  if (!verdict.admitted) throw quotaExceeded(verdict, prepared, ports.clock())
  const { item, left } = verdict
  try {
    const written = await publish(ports, item, prepared.submission)
    if (written.status === 'rejected') throw new Unavailable('the request', new Error('it was given up meanwhile'))
    return { item, left }
  } catch (error) {
    const now = await takeBack(ports, item, ports.clock())
    if (now && now.status !== 'rejected') return { item: now, left }
    throw error
  }
}
