import { html } from 'htm/preact'
import type { VNode } from 'preact'
import type { UserUsage } from '../../cli/operations/list-users.ts'
import { addressOf } from './api.ts'
import { count, plural, time } from './format.ts'
import { useLive } from './live.ts'
import { linkTo, type Place } from './router.ts'
import { Badge, Heading, Problem, Table, Usage } from './ui.ts'

const HEAD = ['User', 'Plan', 'Requests', 'Tokens', 'In flight', 'State']
const PAGE = 50

interface List {
  readonly users: readonly UserUsage[]
  readonly total: number
  readonly next?: string
}

/** Shows users, with their quotas of the current window. */
export function UsersView({ place }: { place: Place }): VNode {
  const { after } = place.query
  const { data, error } = useLive<List>(addressOf('/users', { after, limit: PAGE }))
  const [first] = data?.users ?? []
  return html`
    <${Heading}>Users</${Heading}>
    ${data && first && html`<p class="muted">${plural(data.total, 'user')}. The window ${first.window} ends at ${time(first.resets_at)}.</p>`}
    <${Problem}>${error}</${Problem}>
    <${Table} caption="Users" head=${HEAD} rows=${data?.users.map(rowOf)} empty=${html`There are no users. <code>sluice keys create --user NAME</code> makes one.`} />
    <nav class="pages" aria-label="Pages">
      ${after && html`<a class="button" href=${linkTo('users')}>First page</a>`}
      ${data?.next && html`<a class="button" href=${linkTo('users', { after: data.next })}>Next page</a>`}
    </nav>`
}

const rowOf = ({ user, plan, effective_plan, used, disabled_at }: UserUsage): VNode => html`<tr key=${user}>
  <th scope="row"><a href=${linkTo('requests', { user })}>${user}</a></th>
  <td>${effective_plan}${plan !== effective_plan && html`<div class="muted small">pipeline.yaml has no plan ${plan}</div>`}</td>
  <td><${Usage} ...${used.requests} /></td>
  <td><${Usage} used=${used.tokens.used} limit=${used.tokens.limit} more=${used.tokens.reserved > 0 ? `, ${count(used.tokens.reserved)} reserved` : undefined} /></td>
  <td><${Usage} ...${used.in_flight} /></td>
  <td>${disabled_at === undefined ? html`<${Badge} tone="good">enabled</${Badge}>` : html`<${Badge} tone="bad">disabled</${Badge}>`}</td>
</tr>`
