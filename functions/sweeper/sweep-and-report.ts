import type { Telemetry } from '../core/platform/telemetry.ts'
import type { SweeperPorts, WatchPorts } from './ports.ts'
import { reportWaiting } from './report-waiting.ts'
import { sweep } from './sweep.ts'

/**
 * Publishes how many messages wait, if `watched` has queues. Then it sweeps, and logs and counts the results. A
 * reservation that could not be closed stays in its user's quota until the next sweep. Rejects if there were errors and
 * no reservation could be closed. So the invocation counts as failed, which an alarm watches.
 */
export async function sweepAndReport(
  ports: SweeperPorts & Telemetry & Partial<Pick<WatchPorts, 'watched' | 'countMessages'>>,
): Promise<void> {
  // The waiting messages are counted first. During an outage of a table, the sweep fails, but the queues fill, and
  // operators must see that.
  const { watched, countMessages } = ports
  if (watched && countMessages) await reportWaiting({ ...ports, watched, countMessages })
  const { reasons, ...swept } = await sweep(ports)
  if (swept.closed > 0 || swept.failed > 0) ports.logger.warn('reservations were left open', swept)
  for (const reason of reasons) ports.logger.error('a reservation could not be closed', reason)
  // A metric is billed for each hour with a value, also if the value is zero. So nothing is counted if nothing was
  // closed.
  if (swept.closed > 0) ports.metrics.add('StaleReservations', swept.closed)
  if (swept.closed === 0 && reasons[0]) throw reasons[0]
}
