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
 * Ends the leases that the functions of an earlier run of the local system have left. A lease is a right with an end time: to
 * run a request, to make the only call to a model with a concurrency of 1, to make the call that tests a failed model, or to
 * wait for a request's end. Call this only while no function runs. All holders of these leases have then ended, so requests
 * need not wait until each lease ends by itself (ADR 0050). `wasStopped` says that the
 * functions were stopped in good order, and not killed: then their end does not count as a crash of the requests that ran.
 * Resolves to the number of requests that run again. It may be called twice: the second call changes nothing. Rejects with
 * `Unavailable` if a store can't be reached.
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
 * Recovers the requests of a page of open reservations. Most of these requests are queued, and need no recovery. There
 * may be thousands of requests. So the statuses are read first, up to 100 with one call. Only running requests, and
 * requests without an item, are then read one by one and recovered. So the start takes little longer.
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

/**
 * Ends the one call and the probe in the state of a model, because the worker that made them has ended. Otherwise the
 * model's requests would wait until the leases of these calls end.
 */
async function endCalls({ modelStates, ...ports }: Ports, model: string): Promise<void> {
  const known = await modelStates.read(model)
  if (!known) return
  await compareAndSwap({ ...ports, store: modelStates }, model, known, state => ({
    state: withoutCalls(state),
    answer: undefined,
  }))
}
