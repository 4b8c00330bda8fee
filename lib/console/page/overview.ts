import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import type { ModelView } from '../../cli/operations/models.ts'
import type { Overview, Span } from '../../cli/operations/overview.ts'
import type { RequestSummary } from '../../cli/operations/requests.ts'
import { Activity, Durations } from './activity.ts'
import { addressOf } from './api.ts'
import { count } from './format.ts'
import { useLive } from './live.ts'
import { ModelState } from './model-state.ts'
import { RequestTable } from './request-table.ts'
import { linkTo } from './router.ts'
import { Heading, Problem, Table } from './ui.ts'

const SPANS: Readonly<Record<Span, string>> = { '15m': '15 minutes', '1h': 'hour', '24h': '24 hours' }
const FAILURES = 5

/** Shows the current state of the system, and its recent past. */
export function OverviewView(): VNode {
  const [span, setSpan] = useState<Span>('1h')
  const { data, error } = useLive<Overview>(addressOf('/overview', { span }))
  return html`
    <div class="title">
      <${Heading}>Overview</${Heading}>
      <${SpanChoice} span=${span} onChoose=${setSpan} />
    </div>
    <${Problem}>${error}</${Problem}>
    <${Tiles} overview=${data} span=${span} />
    ${data && html`<div class="columns"><${Activity} overview=${data} /><${Durations} overview=${data} /></div>`}
    <${Models} />
    <${Failures} />`
}

const SpanChoice = ({ span, onChoose }: { span: Span; onChoose(span: Span): void }): VNode =>
  html`<fieldset class="choice">
    <legend class="hidden">Time span</legend>
    ${(Object.keys(SPANS) as Span[]).map(
      name => html`<label class=${name === span ? 'chosen' : ''}>
        <input type="radio" name="span" checked=${name === span} onChange=${() => onChoose(name)} />${name}
      </label>`,
    )}
  </fieldset>`

interface TileProps {
  readonly name: string
  readonly number: number | undefined
  readonly when: string
  readonly href: string
  readonly tone?: string
}

const Tile = ({ name, number, when, href, tone = '' }: TileProps): VNode =>
  html`<a class=${`tile ${number ? tone : ''}`} href=${href}>
    <span class="name">${name}</span>
    <span class="big">${number === undefined ? '–' : count(number)}</span>
    <span class="muted small">${when}</span>
  </a>`

function Tiles({ overview, span }: { overview: Overview | undefined; span: Span }): VNode {
  const made = `made in the last ${SPANS[span]}`
  const inSpan = (status: string) => linkTo('requests', { status, since: span })
  return html`<div class="tiles">
    <${Tile} name="Queued" number=${overview?.now.queued} when="now" href=${linkTo('requests', { status: 'queued' })} />
    <${Tile} name="Running" number=${overview?.now.running} when="now" tone="busy" href=${linkTo('requests', { status: 'running' })} />
    <${Tile} name="Completed" number=${overview?.made.completed} when=${made} tone="good" href=${inSpan('completed')} />
    <${Tile} name="Failed" number=${overview?.made.failed} when=${made} tone="bad" href=${inSpan('failed')} />
    <${Tile} name="Dead letters" number=${overview?.now.dead_letters} when="now" tone="bad" href=${linkTo('dead-letters')} />
  </div>`
}

function Models(): VNode {
  const { data, error } = useLive<{ models: readonly ModelView[] }>('/models')
  const rows = data?.models.map(
    view => html`<tr key=${view.model}>
      <th scope="row"><a href=${linkTo('models')}>${view.model}</a></th>
      <td><${ModelState} view=${view} /></td>
      <td class="number">${count(view.waiting.high + view.waiting.normal)}</td>
      <td class="number">${view.last_hour ? html`${count(view.last_hour.failed)} <span class="muted">of ${count(view.last_hour.ended)}</span>` : '–'}</td>
    </tr>`,
  )
  return html`<section>
    <h2>Models</h2>
    <${Problem}>${error}</${Problem}>
    <${Table} caption="Models" head=${['Model', 'State', 'Messages waiting', 'Failed, last hour']} rows=${rows} empty="pipeline.yaml has no models." />
  </section>`
}

function Failures(): VNode {
  const { data, error } = useLive<{ requests: readonly RequestSummary[] }>(
    addressOf('/requests', { status: 'failed', limit: FAILURES }),
  )
  return html`<section>
    <div class="title"><h2>Latest failures</h2><a href=${linkTo('requests', { status: 'failed' })}>All failed requests</a></div>
    <${Problem}>${error}</${Problem}>
    <${RequestTable} caption="Latest failures" requests=${data?.requests} empty="No request has failed." />
  </section>`
}
