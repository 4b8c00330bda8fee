import { html } from 'htm/preact'
import type { ComponentChildren, VNode } from 'preact'
import type { RequestSummary } from '../../cli/operations/requests.ts'
import { between, count, shortId } from './format.ts'
import { linkTo } from './router.ts'
import { StatusBadge, Table, Time } from './ui.ts'

interface RequestTableProps {
  readonly caption: string
  readonly requests: readonly RequestSummary[] | undefined
  readonly empty: ComponentChildren
}

const HEAD = ['Request', 'Made', 'User', 'Model', 'Status', 'Attempts', 'Took', 'Tokens']

export const RequestTable = ({ caption, requests, empty }: RequestTableProps): VNode =>
  html`<${Table} caption=${caption} head=${HEAD} rows=${requests?.map(rowOf)} empty=${empty} />`

const rowOf = (r: RequestSummary): VNode => html`<tr key=${r.request_id}>
  <th scope="row"><a class="id" href=${linkTo(`requests/${r.request_id}`)} title=${r.request_id}>${shortId(r.request_id)}</a></th>
  <td><${Time} at=${r.created_at} /></td>
  <td>${r.user}</td>
  <td>${r.model}${r.priority === 'high' && html` <span class="muted">high</span>`}</td>
  <td><${StatusBadge} status=${r.status} />${r.error && html`<div class="reason small">${r.error.code}: ${r.error.detail ?? r.error.message}</div>`}</td>
  <td class="number">${count(r.attempts)}</td>
  <td class="number">${between(r.created_at, r.completed_at)}</td>
  <td class="number">${tokensOf(r)}</td>
</tr>`

/** Writes the tokens that the model reported. As long as there is no report, writes the estimate, with `≈` before it. */
const tokensOf = ({ usage, estimated_tokens }: RequestSummary): string =>
  usage ? count(usage.total_tokens) : `≈ ${count(estimated_tokens)}`
