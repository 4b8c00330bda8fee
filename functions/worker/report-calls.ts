import type { Report } from '../core/flow-control/port.ts'
import type { ModelAnswer } from '../core/inference/port.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { WorkerPorts } from './ports.ts'
import { mayBeRetried, pauseOf } from './retry.ts'
import type { Granted } from './types.ts'

/** Tells the guard how the calls of one permit came out. An answer of any use, be it a refusal, shows that the model is well. */
export function reportCalls(ports: WorkerPorts, { probe }: Granted, calls: readonly ModelAnswer[]): Promise<void> {
  const failures = calls.flatMap(call => (!call.ok && mayBeRetried(call, ports.settings.retry) ? [call] : []))
  ports.metrics.addMetric('ModelCalls', 'Count', calls.length)
  if (failures.length > 0) ports.metrics.addMetric('FailedCalls', 'Count', failures.length)
  const pause = Math.max(0, ...failures.map(pauseOf))
  // A model that says when it has room again is kept from being called until then: that tells nothing of how it is.
  const counted = failures.filter(failure => failure.status !== 429 || pauseOf(failure) === 0)
  const isWell = failures.length < calls.length
  return report(ports, {
    findings: isWell ? 'well' : counted.length > 0 ? { failures: counted.length } : 'nothing',
    probe,
    pause_until: pause > 0 ? ports.clock() + pause : undefined,
  })
}

/** Gives a permit back that no call was made with. */
export const reportNoCall = (ports: WorkerPorts, { probe }: Granted): Promise<void> =>
  report(ports, { findings: 'nothing', probe })

/** What can't be told is lost: the guard protects the model, and no outcome waits for it. A probe is forgotten in time. */
async function report({ guard, logger }: WorkerPorts, what: Report): Promise<void> {
  try {
    await guard.report(what)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    logger.error('the state of the model could not be told', { error })
  }
}
