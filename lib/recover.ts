import { withoutCalls } from '../functions/core/flow-control/admin.ts'
import { compareAndSwap } from '../functions/core/flow-control/compare-and-swap.ts'
import type { LifecyclePorts } from '../functions/core/lifecycle/ports.ts'
import { type Recovery, recoverRequest } from '../functions/core/lifecycle/recover-request.ts'
import type { OpenReservation } from '../functions/core/stores/quota/port.ts'
import type { Admin } from './cli/admin.ts'

type Ports = LifecyclePorts &
  Pick<Admin, 'clock' | 'endAllWaits' | 'ids' | 'models' | 'modelStates' | 'random' | 'sleep' | 'statusesOf'>

/** The number of requests that are recovered at the same time. */
const AT_ONCE = 20

/**
 * Ends everything that the functions of an earlier run hold: the claims of requests, the one call and the probe of
 * models, and waits. It is only for a system in which no function runs. Then the holders of these leases are gone, and
 * a wait for the end of each lease would only take time (ADR 0050). `wasStopped` says that the functions were stopped
 * in good order, and not killed. Returns the number of requests that run again. A repetition changes nothing. Rejects
 * with `Unavailable`.
 */
export async function recover(ports: Ports, maxWaits: number, wasStopped = false): Promise<number> {
  await Promise.all(Object.keys(ports.models).map(model => endCalls(ports, model)))
  const users = new Set<string>()
  let again = 0
  for await (const page of ports.quota.openBefore(ports.clock())) {
    for (const { reservation } of page) users.add(reservation.user_id)
    const recovered = await recoverPage(ports, page, wasStopped)
    again += recovered.filter(what => what === 'lease ended').length
  }
  await ports.endAllWaits(users, maxWaits)
  return again
}

/**
 * Recovers the requests of a page of open reservations. Most of them only wait in their queue. Many statuses are read
 * at once, because there may be thousands of requests.
 */
async function recoverPage(ports: Ports, page: readonly OpenReservation[], wasStopped: boolean): Promise<Recovery[]> {
  const statuses = await ports.statusesOf(page.map(({ reservation }) => reservation))
  const concerned = page.filter(({ reservation: { request_id } }) => {
    const status = statuses.get(request_id)
    return status === undefined || status === 'running'
  })
  const recovered: Recovery[] = []
  for (let at = 0; at < concerned.length; at += AT_ONCE) {
    const some = concerned.slice(at, at + AT_ONCE)
    recovered.push(...(await Promise.all(some.map(open => recoverRequest(ports, open, ports.clock(), wasStopped)))))
  }
  return recovered
}

async function endCalls({ modelStates, ...ports }: Ports, model: string): Promise<void> {
  const known = await modelStates.read(model)
  if (!known) return
  await compareAndSwap({ ...ports, store: modelStates }, model, known, state => ({
    state: withoutCalls(state),
    answer: undefined,
  }))
}
