import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { RequestDetails } from '../../cli/operations/requests.ts'
import { useDeadLetterActions } from './dead-letter-actions.ts'
import { between, count, plural } from './format.ts'
import { useLive } from './live.ts'
import { linkTo } from './router.ts'
import { Timeline } from './timeline.ts'
import { Heading, Problem, StatusBadge, Time } from './ui.ts'

/** Shows everything about one request. */
export function RequestView({ id }: { id: string }): VNode {
  const address = `/requests/${encodeURIComponent(id)}`
  const { data, error, reload } = useLive<RequestDetails>(address)
  const { redrive } = useDeadLetterActions(reload)
  return html`
    <div class="title">
      <${Heading}>Request</${Heading}>
      ${
        data?.status === 'failed' &&
        html`<button type="button" class="primary" onClick=${() => redrive({ names: [id] }, `the request ${id}`)}>Redrive</button>`
      }
    </div>
    <p class="id whole">${id} ${data && html`<${StatusBadge} status=${data.status} />`}</p>
    <${Problem}>${error}</${Problem}>
    ${data && html`<${Details} request=${data} />`}`
}

const Details = ({ request }: { request: RequestDetails }): VNode => html`
  ${request.error && html`<${Failure} error=${request.error} />`}
  ${request.waits && html`<p class="note">It waits: ${request.waits.sentence}.</p>`}
  <div class="columns">
    <section class="card"><h2>Timeline</h2><${Timeline} request=${request} /></section>
    <section class="card"><h2>Facts</h2><${Facts} request=${request} /></section>
  </div>
  <${Text} name="Prompt" value=${request.prompt} storedAs=${request.prompt_key} />
  <${Text} name="Result" value=${request.result} storedAs=${request.result_key} />
  <${Text} name="Metadata" value=${request.metadata} />`

const Failure = ({ error }: { error: NonNullable<RequestDetails['error']> }): VNode =>
  html`<div class="problem">
    <strong>${error.code}</strong>${saysNot(error) && ` (the model answered ${error.status})`}: ${error.message}
    ${error.detail !== undefined && html`<blockquote>${error.detail}</blockquote>`}
  </div>`

/** Returns whether the model has answered with an HTTP status that the error's message does not contain. Then the page adds the status. */
const saysNot = ({ status, message }: NonNullable<RequestDetails['error']>): boolean =>
  status !== undefined && !message.includes(String(status))

/** Shows the facts of a request. A fact without a value, such as the usage of a queued request, is left out. */
function Facts({ request: r }: { request: RequestDetails }): VNode {
  const facts: Readonly<Record<string, unknown>> = {
    User: html`<a href=${linkTo('requests', { user: r.user })}>${r.user}</a>`,
    Model: html`<a href=${linkTo('requests', { model: r.model })}>${r.model}</a>`,
    Priority: r.priority,
    Run: count(r.run),
    Attempts: count(r.attempts),
    Estimate: plural(r.estimated_tokens, 'token'),
    Usage: r.usage && usageText(r.usage),
    Charged: r.charged && `${plural(r.charged.requests, 'request')}, ${plural(r.charged.tokens, 'token')}`,
    'Quota window': r.quota_window,
    Waited: between(r.created_at, r.started_at),
    Ran: between(r.started_at, r.completed_at),
    Deadline: html`<${Time} at=${r.deadline} />`,
    Trace: 'trace_id' in r ? r.trace_id : undefined,
  }
  const shown = Object.entries(facts).filter(([, value]) => value !== undefined && value !== '')
  return html`<dl class="facts">${shown.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
}

const usageText = ({
  total_tokens,
  prompt_tokens,
  completion_tokens,
}: NonNullable<RequestDetails['usage']>): string => {
  const parts = [
    ...(prompt_tokens === undefined ? [] : [`${count(prompt_tokens)} of the prompt`]),
    ...(completion_tokens === undefined ? [] : [`${count(completion_tokens)} of the completion`]),
  ]
  return `${plural(total_tokens, 'token')}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`
}

function Text({
  name,
  value,
  storedAs,
}: {
  name: string
  value: unknown
  storedAs?: string | undefined
}): VNode | null {
  if (value === undefined && storedAs === undefined) return null
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return html`<section class="card">
    <h2>${name}</h2>
    ${
      value === undefined
        ? html`<p class="muted">It is no longer stored. It was ${storedAs} in the payload bucket.</p>`
        : html`<pre tabindex="0" role="region" aria-label=${name}>${text}</pre>`
    }
  </section>`
}
