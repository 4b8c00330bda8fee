import type { Logger } from '@aws-lambda-powertools/logger'
import type { Metrics } from '@aws-lambda-powertools/metrics'
import type { Change, OnChange } from '../core/flow-control/flow-control.ts'
import type { GuardState } from '../core/flow-control/state.ts'
import { iso } from '../core/platform/clock.ts'
import type { Settings } from './settings.ts'

export interface TellPorts {
  readonly logger: Pick<Logger, 'warn' | 'info'>
  readonly metrics: Pick<Metrics, 'addMetric'>
  readonly settings: Pick<Settings, 'model' | 'circuit'>
}

/**
 * Logs and counts what happens to a model, as the worker that made the change: once, however many workers there are. A
 * circuit's lines are warnings. A pause is what a model that is well may ask for at any time.
 */
export function tellChanges({ logger, metrics, settings }: TellPorts): OnChange {
  return (change, state) => {
    const { level, metric, tell } = TOLD[change]
    const { message, ...fields } = tell(settings, state)
    logger[level](message, { model: settings.model, ...fields })
    metrics.addMetric(metric, 'Count', 1)
  }
}

interface Told {
  readonly level: 'warn' | 'info'
  readonly metric: string
  readonly tell: (settings: TellPorts['settings'], state: GuardState) => Line
}

interface Line {
  readonly message: string
  readonly until?: string | undefined
  readonly failures?: number
  readonly opened_times?: number
}

const TOLD: Readonly<Record<Change, Told>> = {
  opened: {
    level: 'warn',
    metric: 'CircuitOpened',
    tell: ({ model, circuit }, { open }) => {
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
    tell: ({ model }, { open }) => {
      const until = iso(open?.until)
      const opened_times = open?.times ?? 0
      return {
        message: `the circuit of ${model} stays open: the call that tried it failed, too; no calls until ${until}`,
        until,
        opened_times,
      }
    },
  },
  closed: {
    level: 'warn',
    metric: 'CircuitClosed',
    tell: ({ model }) => ({ message: `the circuit of ${model} has closed: the model is back` }),
  },
  paused: {
    level: 'info',
    metric: 'ModelPaused',
    tell: ({ model }, { paused_until }) => {
      const until = iso(paused_until)
      return { message: `the model ${model} has asked for a pause: no calls until ${until}`, until }
    },
  },
}
