import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { ModelView, Reset } from '../../cli/operations/models.ts'
import type { ModelProbe } from '../../cli/operations/probe-model.ts'
import { call } from './api.ts'
import { useAsking } from './dialog.ts'
import { count, duration } from './format.ts'
import { useLive } from './live.ts'
import { ModelState } from './model-state.ts'
import { linkTo } from './router.ts'
import { Heading, Problem, Table, Time, Usage } from './ui.ts'

const HEAD = [
  'Model',
  'State',
  'Rate limit',
  'Messages waiting',
  'Oldest waits',
  'Failed, last hour',
  'Last failure',
  'Actions',
]

/** Shows models, with the reasons that defer their calls. */
export function ModelsView(): VNode {
  const { data, error, reload } = useLive<{ models: readonly ModelView[] }>('/models')
  const rows = data?.models.map(view => html`<${Row} key=${view.model} view=${view} reload=${reload} />`)
  return html`
    <${Heading}>Models</${Heading}>
    <${Problem}>${error}</${Problem}>
    <${Table} caption="Models" head=${HEAD} rows=${rows} empty="pipeline.yaml has no models." />`
}

function Row({ view, reload }: { view: ModelView; reload(): void }): VNode {
  const { model, waiting, oldest_waiting, last_hour, rate_limit } = view
  return html`<tr>
    <th scope="row"><a href=${linkTo('requests', { model })}>${model}</a></th>
    <td><${ModelState} view=${view} /></td>
    <td>${
      rate_limit
        ? html`<${Usage} used=${rate_limit.used} limit=${rate_limit.count} more=${` in ${duration(rate_limit.interval_ms)}`} />`
        : html`<span class="muted">none</span>`
    }</td>
    <td class="number">${count(waiting.normal)}${waiting.high > 0 && html`<div class="small">and ${count(waiting.high)} of high priority</div>`}</td>
    <td>${oldest_waiting && html`<a href=${linkTo(`requests/${oldest_waiting.request_id}`)}>${duration(1_000 * oldest_waiting.seconds)}</a>`}</td>
    <td class="number">${last_hour && html`${count(last_hour.failed)} <span class="muted">of ${count(last_hour.ended)}</span>`}</td>
    <td><${LastFailure} view=${view} /></td>
    <td><${Actions} model=${model} reload=${reload} /></td>
  </tr>`
}

function LastFailure({ view: { last_failure } }: { view: ModelView }): VNode {
  if (!last_failure) return html`<span class="muted">none</span>`
  const { at, code, status, reason, request_id } = last_failure
  return html`<a href=${linkTo(`requests/${request_id}`)}><${Time} at=${at} /></a> ${code}${status !== undefined && ` (${status})`}
    <div class="reason small">${reason}</div>`
}

function Actions({ model, reload }: { model: string; reload(): void }): VNode {
  const { ask } = useAsking()
  const reset = () =>
    ask({
      title: `Reset ${model}?`,
      text: 'Its halt and its pause end, its circuit is closed, and its failures are forgotten. If the model is not back, its calls fail again.',
      action: 'Reset',
      act: async () => {
        const done = await call<Reset>(`/models/${encodeURIComponent(model)}/reset`, { body: {} })
        reload()
        return done.reset
          ? `The failures of ${model} are forgotten. It is called again.`
          : `Nothing held up the calls of ${model}.`
      },
    })
  const probe = () =>
    ask({
      title: `Call ${model} once?`,
      text: 'A worker sends “Say hello.” to the model, outside of all queues and quotas. A hosted model bills the call.',
      action: 'Call it',
      act: async () => sentenceOf(await call<ModelProbe>(`/models/${encodeURIComponent(model)}/probe`, { body: {} })),
    })
  return html`<div class="buttons">
    <button type="button" aria-label=${`Reset ${model}`} onClick=${reset}>Reset</button>
    <button type="button" aria-label=${`Probe ${model}`} onClick=${probe}>Probe</button>
  </div>`
}

function sentenceOf({ model, verdict, held_by, took_ms, failure, advice }: ModelProbe): string {
  if (verdict === 'ok') {
    const held = held_by === undefined ? '' : ` Requests still wait: “Reset” lets them call ${model} again.`
    return `${model} has answered in ${duration(took_ms ?? 0)}, and the answer is right.${held}`
  }
  return [`${model}: ${failure?.message ?? verdict}.`, ...(failure?.detail ? [failure.detail] : []), ...advice].join(
    ' ',
  )
}
