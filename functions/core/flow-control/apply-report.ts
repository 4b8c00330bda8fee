import { addFailures, addSuccess, endProbe } from './circuit-breaker.ts'
import type { CircuitState } from './circuit-state.ts'
import { halted, haltedAgain, refused, resumed } from './halt.ts'
import { withoutLease } from './leases.ts'
import { paused, pausedForLonger, withoutOldPause } from './pause.ts'
import type { Circuit, Policies } from './policies.ts'
import type { Report } from './port.ts'
import type { ModelState } from './state.ts'
import { marksOf } from './users.ts'

/** Applies a report to a state. Returns the same object if the report changes nothing. */
export function applyReport(before: ModelState, report: Report, now: number, policies: Policies): ModelState {
  const state = paused(withoutLease(before, report.lease), report, now)
  const isProbe = report.probe !== undefined && before.probe?.id === report.probe
  if (!isProbe) return afterCall(state, report, now, policies)
  return { ...afterProbe(state, report, now, policies), probe: undefined }
}

/**
 * Applies the report of a usual call. The late report of a probe counts like the report of a usual call, if the next
 * probe has already begun. The next probe may begin at the time when the worker of the first one should have ended.
 */
function afterCall(state: ModelState, report: Report, now: number, policies: Policies): ModelState {
  const { findings } = report
  const users = marksOf(report.users)
  if (findings === 'nothing') return state
  if (findings === 'healthy') return afterSuccess(withoutOldPause(state, now), users, policies)
  if ('halt' in findings) return halted(state, findings.halt, now, policies)
  if ('refused' in findings) return refused(state, users, findings.refused, now, policies)
  const callers = { users, repeated: report.repeated ?? false }
  return withCircuit(state, policies, circuit => addFailures(state, findings.failures, now, circuit, callers))
}

function afterSuccess(state: ModelState, users: readonly number[], policies: Policies): ModelState {
  const { refused_by, ...rest } = state
  const pardoned = refused_by === undefined || users.length === 0 ? state : rest
  return withCircuit(pardoned, policies, () => addSuccess(pardoned, users))
}

function afterProbe(state: ModelState, report: Report, now: number, policies: Policies): ModelState {
  const { findings } = report
  const { halted: halt } = state
  if (findings === 'nothing') return state
  if (findings === 'healthy') {
    const back = report.is_refusal ? state : resumed(state)
    return withCircuit(back, policies, circuit => endProbe(state, findings, now, circuit))
  }
  if ('failures' in findings) {
    const open = withCircuit(state, policies, circuit =>
      afterFailedProbe(state, report, findings.failures, now, circuit),
    )
    return halt ? haltedAgain(open, halt, undefined, now, policies) : pausedForLonger(open, now)
  }
  const why = 'halt' in findings ? findings.halt : findings.refused
  if (halt) return haltedAgain(state, halt, why, now, policies)
  if ('halt' in findings) return halted(state, why, now, policies)
  // A 403 is an answer, so it shows that the model works again, and the circuit closes. The model may refuse only this
  // user, so it is not yet halted.
  const back = withCircuit(state, policies, circuit => endProbe(state, 'healthy', now, circuit))
  return refused(back, marksOf(report.users), why, now, policies)
}

function afterFailedProbe(
  state: ModelState,
  report: Report,
  failures: number,
  now: number,
  circuit: Circuit,
): CircuitState {
  if (state.open) return endProbe(state, { failures }, now, circuit)
  return addFailures(state, failures, now, circuit, {
    users: marksOf(report.users),
    repeated: report.repeated ?? false,
  })
}

/** Applies a change of the circuit, if the model has one. */
function withCircuit(state: ModelState, { circuit }: Policies, change: (circuit: Circuit) => CircuitState): ModelState {
  const next = circuit ? change(circuit) : state
  if (next === state) return state
  const { failures, failed_by, open, open_for } = next
  // The state keeps its `probe`, because a probe ends only with its own report. Without this field, a second probe
  // could begin while the first one runs. The field may also hold the probe of a halted model, which does not depend on
  // the circuit.
  return { ...state, failures, failed_by, open, open_for }
}
