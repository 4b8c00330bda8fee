import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { RequestDetails } from '../../cli/operations/requests.ts'
import type { LogLineView } from '../operator-api/requests.ts'
import { between, plural } from './format.ts'
import { useLive } from './live.ts'
import { Problem, Time } from './ui.ts'

interface Step {
  readonly at: string
  readonly tone: 'plain' | 'good' | 'bad' | 'warn' | 'busy'
  readonly what: string
  /** More about a failure: the message of the error, and the error text that the model itself gave. */
  readonly more?: string | undefined
}

/** Shows the history of a request, oldest step first. The failed attempts come from the log lines about the request. */
export function Timeline({ request }: { request: RequestDetails }): VNode {
  const { data, error } = useLive<{ lines: readonly LogLineView[] }>(`/requests/${request.request_id}/log`)
  const steps = [...stepsOf(request), ...attemptsOf(data?.lines ?? [])].toSorted(
    (a, b) => Date.parse(a.at) - Date.parse(b.at),
  )
  return html`
    <ol class="timeline">${steps.map(
      ({ at, tone, what, more }) => html`<li class=${tone}>
        <${Time} at=${at} />
        <div>${what}${more !== undefined && html`<div class="reason small">${more}</div>`}</div>
      </li>`,
    )}</ol>
    <${Problem}>${error}</${Problem}>
    ${data && html`<${Log} lines=${data.lines} />`}`
}

function stepsOf(r: RequestDetails): Step[] {
  return [
    { at: r.created_at, tone: 'plain', what: `Made by ${r.user}, for the model ${r.model}` },
    ...(r.started_at === undefined
      ? []
      : [
          {
            at: r.started_at,
            tone: 'busy',
            what: `A worker took it, after ${between(r.created_at, r.started_at)}`,
          } as const,
        ]),
    ...(r.not_before === undefined
      ? []
      : [{ at: r.not_before, tone: 'warn', what: 'The next attempt may begin' } as const]),
    ...(r.completed_at === undefined ? [] : [endOf(r, r.completed_at)]),
  ]
}

const ENDS = { completed: 'good', failed: 'bad', expired: 'warn' } as const

function endOf({ status, attempts, error }: RequestDetails, at: string): Step {
  const tone = status === 'completed' || status === 'failed' || status === 'expired' ? ENDS[status] : 'plain'
  const what = `It ended as ${status}, after ${plural(attempts, 'attempt')}`
  return { at, tone, what, more: error && [error.message, error.detail].filter(Boolean).join(': ') }
}

/**
 * Finds the failed attempts. If an attempt fails and the request will be tried again, the worker logs a line with
 * `attempt`, `code` and `until`.
 */
const attemptsOf = (lines: readonly LogLineView[]): Step[] =>
  lines.flatMap(({ at, fields }) => {
    const { attempt, code, status, detail, until } = fields
    if (typeof attempt !== 'number' || typeof code !== 'string' || typeof until !== 'string') return []
    const answered = typeof status === 'number' ? ` (the model answered ${status})` : ''
    const words = typeof detail === 'string' ? detail : undefined
    return [{ at, tone: 'bad', what: `Attempt ${attempt} failed: ${code}${answered}`, more: words }]
  })

const Log = ({ lines }: { lines: readonly LogLineView[] }): VNode => html`<details>
  <summary>Log (${plural(lines.length, 'line')})</summary>
  <div class="scroll" tabindex="0" role="region" aria-label="Log">
    <ul class="log">${lines.map(
      ({ at, level, function: source, message, fields }) => html`<li>
        <${Time} at=${at} /> <span class=${`level ${level.toLowerCase()}`}>${level}</span> <strong>${source}</strong> ${message}
        <div class="muted small">${Object.entries(fields)
          .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
          .join(', ')}</div>
      </li>`,
    )}</ul>
  </div>
</details>`
