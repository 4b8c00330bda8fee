import type { Logger } from '@aws-lambda-powertools/logger'
import type { Metrics } from '@aws-lambda-powertools/metrics'
import type { Change, OnChange } from '../core/flow-control/flow-control.ts'
import type { ModelState } from '../core/flow-control/state.ts'
import { iso } from '../core/platform/clock.ts'
import type { Settings } from './settings.ts'

export interface ChangePorts {
  readonly logger: Pick<Logger, 'warn' | 'info'>
  readonly metrics: Pick<Metrics, 'addMetric'>
  readonly settings: Pick<Settings, 'model' | 'circuit'>
}

/**
 * Logs and counts a change of a model's state. Only the worker that made the change does so: once, however many workers there
 * are. A change of the circuit is a warning. A pause is not, since a healthy model may ask for one at any time.
 */
export function reportCircuitChanges({ logger, metrics, settings }: ChangePorts): OnChange {
  return (change, state) => {
    const { level, metric, lineOf } = REPORTS[change]
    const { message, ...fields } = lineOf(settings, state)
    logger[level](message, { model: settings.model, ...fields })
    metrics.addMetric(metric, 'Count', 1)
  }
}

interface ChangeReport {
  readonly level: 'warn' | 'info'
  readonly metric: string
  readonly lineOf: (settings: ChangePorts['settings'], state: ModelState) => Line
}

interface Line {
  readonly message: string
  readonly until?: string | undefined
  readonly failures?: number
  readonly opened_times?: number
}

const REPORTS: Readonly<Record<Change, ChangeReport>> = {
  opened: {
    level: 'warn',
    metric: 'CircuitOpened',
    lineOf: ({ model, circuit }, { open }) => {
      const until = iso(open?.until)
      const { failures = 0, within_ms = 0 } = circuit ?? {}
      return {
        message: `the circuit of ${model} has opened: ${failures} calls failed within ${within_ms / 1000} s; no calls until ${until}`,
        until,
        failures,
        opened_times: 1,
      }
    },
  },
  'opened again': {
    level: 'warn',
    metric: 'CircuitOpened',
    lineOf: ({ model }, { open }) => {
      const until = iso(open?.until)
      const openedTimes = open?.times ?? 0
      return {
        message: `the circuit of ${model} stays open: the call that tried it failed, too; no calls until ${until}`,
        until,
        opened_times: openedTimes,
      }
    },
  },
  closed: {
    level: 'warn',
    metric: 'CircuitClosed',
    lineOf: ({ model }) => ({ message: `the circuit of ${model} has closed: the model is back` }),
  },
  paused: {
    level: 'info',
    metric: 'ModelPaused',
    lineOf: ({ model }, { paused_until }) => {
      const until = iso(paused_until)
      return { message: `the model ${model} has asked for a pause: no calls until ${until}`, until }
    },
  },
}
