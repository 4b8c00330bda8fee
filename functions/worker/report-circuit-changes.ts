import type { Logger } from '@aws-lambda-powertools/logger'
import type { Change, OnChange } from '../core/flow-control/flow-control.ts'
import type { CallFailure } from '../core/flow-control/port.ts'
import type { ModelState } from '../core/flow-control/state.ts'
import { iso } from '../core/platform/clock.ts'
import type { MetricName } from '../core/platform/metrics/definitions.ts'
import type { Meter } from '../core/platform/metrics/meter.ts'
import { ends, lasts, type TroubleFields } from '../core/platform/trouble-state.ts'
import type { Settings } from './settings.ts'

export interface ChangePorts {
  readonly logger: Pick<Logger, 'warn' | 'info'>
  readonly metrics: Meter
  readonly settings: Pick<Settings, 'model' | 'circuit'>
}

/**
 * Logs and counts a change of a model's state. Only the worker whose write made the change does this. So each change
 * has one log line, even with many workers. A change of the circuit or of a halt is a warning. A pause is no warning,
 * because a healthy model may ask for a pause at any time.
 */
export function reportCircuitChanges({ logger, metrics, settings }: ChangePorts): OnChange {
  return (change, state, failure) => {
    const { level, metric, lineOf, hasCause, trouble } = REPORTS[change]
    const { message, ...fields } = lineOf(settings, state)
    const cause = hasCause && failure ? causeOf(failure) : {}
    logger[level](message, { model: settings.model, ...fields, ...cause, ...trouble })
    metrics.add(metric, 1)
  }
}

/**
 * Returns the fields of the call that has caused a change. The reason is in a field and not in the message, because it
 * may contain the model's own words.
 */
const causeOf = ({ reason, code, status, request_id }: CallFailure) => ({ reason, code, status, request_id })

interface ChangeReport {
  readonly level: 'warn' | 'info'
  readonly metric: MetricName
  readonly lineOf: (settings: ChangePorts['settings'], state: ModelState) => Line
  /** Whether a failed call is the cause. Then the line has the fields of that call, too. */
  readonly hasCause?: true
  /**
   * Set if the change begins or ends a lasting state, such as a halt. With these fields, a tool that reads the log can
   * tell that the state goes on until the line that ends it.
   */
  readonly trouble?: TroubleFields
}

interface Line {
  readonly message: string
  readonly until?: string | undefined
  readonly failures?: number
  readonly opened_times?: number
  readonly reason?: string | undefined
  readonly code?: string | undefined
  readonly status?: number | undefined
}

const usersText = (count: number): string => (count === 1 ? 'the user' : `the ${count} users`)

/**
 * Makes the line about a halt. The reason is in a field and not in the message, so that a search finds every halt by
 * the same words.
 */
function haltLine(what: string): ChangeReport['lineOf'] {
  return ({ model }, { halted }) => {
    const until = iso(halted?.until)
    return {
      message: `the model ${model} ${what}; its requests wait until a call succeeds or \`sluice models reset ${model}\`; the next call is tried at ${until}`,
      until,
      reason: halted?.reason,
      code: halted?.code,
      status: halted?.status,
    }
  }
}

const REPORTS: Readonly<Record<Change, ChangeReport>> = {
  opened: {
    level: 'warn',
    trouble: lasts('circuit'),
    hasCause: true,
    metric: 'CircuitOpened',
    lineOf: ({ model, circuit }, { open, open_for }) => {
      const until = iso(open?.until)
      const { failures = 0, within_ms = 0 } = circuit ?? {}
      const whose = open_for ? ` of ${usersText(open_for.length)} whose calls have failed` : ''
      return {
        message: `the circuit of ${model} has opened: ${failures} calls failed within ${within_ms / 1000} s; no calls${whose} until ${until}`,
        until,
        failures,
        opened_times: 1,
      }
    },
  },
  'opened for all': {
    level: 'warn',
    trouble: lasts('circuit'),
    hasCause: true,
    metric: 'CircuitOpened',
    lineOf: ({ model }, { open }) => {
      const until = iso(open?.until)
      return {
        message: `the circuit of ${model} has opened for all users: calls of other users fail, too; no calls until ${until}`,
        until,
        opened_times: open?.times ?? 0,
      }
    },
  },
  'opened again': {
    level: 'warn',
    trouble: lasts('circuit'),
    hasCause: true,
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
    trouble: ends('circuit'),
    metric: 'CircuitClosed',
    lineOf: ({ model }) => ({ message: `the circuit of ${model} has closed: the model is back` }),
  },
  paused: {
    level: 'info',
    hasCause: true,
    metric: 'ModelPaused',
    lineOf: ({ model }, { paused_until }) => {
      const until = iso(paused_until)
      return { message: `the model ${model} has asked for a pause: no calls until ${until}`, until }
    },
  },
  halted: {
    level: 'warn',
    trouble: lasts('halt'),
    metric: 'ModelHalted',
    lineOf: haltLine('is halted: no retry heals this'),
  },
  'halted again': {
    level: 'warn',
    trouble: lasts('halt'),
    metric: 'ModelHalted',
    lineOf: haltLine('stays halted: the call that tried it failed, too'),
  },
  resumed: {
    level: 'warn',
    trouble: ends('halt'),
    metric: 'ModelResumed',
    lineOf: ({ model }) => ({ message: `the model ${model} is no longer halted: it is called again` }),
  },
}
