import type { Telemetry } from '../core/platform/telemetry.ts'
import type { SweeperPorts } from './ports.ts'
import { sweep } from './sweep.ts'

/**
 * Sweeps, then logs and counts what was found. A reservation that could not be closed is left for the next sweep. Rejects if
 * none could be closed, so that the alarm sees it.
 */
export async function sweepAndReport(ports: SweeperPorts & Telemetry): Promise<void> {
  const { reasons, ...swept } = await sweep(ports)
  if (swept.closed > 0 || swept.failed > 0) ports.logger.warn('reservations were left open', swept)
  for (const reason of reasons) ports.logger.error('a reservation could not be closed', reason)
  ports.metrics.add('StaleReservations', swept.closed)
  if (swept.closed === 0 && reasons[0]) throw reasons[0]
}
