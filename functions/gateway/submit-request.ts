import type { Accepted } from '../admission/accept.ts'
import { admit } from '../admission/admit.ts'
import type { Prepared } from '../admission/prepare.ts'
import { publish } from '../admission/publish.ts'
import { refuse } from '../admission/refuse.ts'
import { Unavailable } from '../platform/unavailable.ts'
import type { GatewayPorts } from './ports.ts'
import { takeBack } from './take-back.ts'

/**
 * Admits a submission and makes it durable. When it resolves, the request will be run (I4). Throws `ApiError` for a
 * refusal, which leaves nothing behind (I6), and `Unavailable` when the item or the message could not be written: what
 * had been done by then is taken back, here or by whoever meets it.
 */
export async function submitRequest(ports: GatewayPorts, prepared: Prepared): Promise<Accepted> {
  const verdict = await admit(ports, prepared, item => takeBack(ports, item, ports.clock()))
  if (!verdict.admitted) throw refuse(verdict, prepared, ports.clock())
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
