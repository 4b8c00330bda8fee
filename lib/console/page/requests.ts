import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { RequestSummary } from '../../cli/operations/requests.ts'
import { addressOf } from './api.ts'
import { useLive } from './live.ts'
import { RequestTable } from './request-table.ts'
import { go, linkTo, type Place } from './router.ts'
import type { SystemInfo } from './system-info.ts'
import { Heading, Problem } from './ui.ts'

const STATUSES = ['queued', 'running', 'completed', 'failed', 'expired', 'cancelled']
const PAGE = 50
/** The prefixes that the id of a request may have in the OpenAI API. They are removed, since the operator API takes only the UUID. */
const PREFIX = /^(?:resp_|chatcmpl-|cmpl-)/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

interface List {
  readonly requests: readonly RequestSummary[]
  readonly next?: string
}

/** Shows requests, one page at a time. The filters are in the page's address, so links can set them. */
export function RequestsView({ place, system }: { place: Place; system: SystemInfo }): VNode {
  const { status, user, model, since, before } = place.query
  const filter = { status, user, model, since }
  const { data, error } = useLive<List>(addressOf('/requests', { ...filter, before, limit: PAGE }))
  return html`
    <${Heading}>Requests</${Heading}>
    <${Filters} filter=${filter} system=${system} />
    <${Problem}>${error}</${Problem}>
    <${RequestTable} caption="Requests, newest first" requests=${data?.requests} empty=${html`No such request. <a href=${linkTo('submit')}>Submit one</a>`} />
    <nav class="pages" aria-label="Pages">
      ${before && html`<a class="button" href=${linkTo('requests', filter)}>Newest</a>`}
      ${data?.next && html`<a class="button" href=${linkTo('requests', { ...filter, before: data.next })}>Older</a>`}
    </nav>`
}

type Filter = Readonly<Record<'status' | 'user' | 'model' | 'since', string | undefined>>

function Filters({ filter, system }: { filter: Filter; system: SystemInfo }): VNode {
  const choose = (name: keyof Filter) => (event: Event) =>
    go('requests', { ...filter, [name]: (event.currentTarget as HTMLInputElement | HTMLSelectElement).value.trim() })
  const option = (name: string, chosen: string | undefined) =>
    html`<option value=${name} selected=${name === chosen}>${name}</option>`
  return html`<form class="filters" onSubmit=${find} role="search">
    <label>Status <select onChange=${choose('status')}><option value="">all</option>${STATUSES.map(name => option(name, filter.status))}</select></label>
    <label>Model <select onChange=${choose('model')}><option value="">all</option>${system.models.map(name => option(name, filter.model))}</select></label>
    <label>Made in the last <select onChange=${choose('since')}><option value="">(any time)</option>${['15m', '1h', '24h', '7d'].map(name => option(name, filter.since))}</select></label>
    <label>User <input key=${filter.user ?? ''} defaultValue=${filter.user ?? ''} onChange=${choose('user')} placeholder="all" spellcheck=${false} /></label>
    <label>Find by id <input name="id" placeholder="request id" spellcheck=${false} /></label>
    <button type="submit">Find</button>
  </form>`
}

/** Opens the request whose id was typed. */
function find(event: SubmitEvent): void {
  event.preventDefault()
  const typed = new FormData(event.currentTarget as HTMLFormElement).get('id')
  const id = typeof typed === 'string' ? typed.trim().replace(PREFIX, '') : ''
  if (UUID.test(id)) go(`requests/${id}`)
}
