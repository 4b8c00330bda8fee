import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { addressOf } from './api.ts'
import { useDeadLetterActions } from './dead-letter-actions.ts'
import { count, plural, shortId } from './format.ts'
import { useLive } from './live.ts'
import { go, linkTo, type Place } from './router.ts'
import type { SystemInfo } from './system-info.ts'
import { Heading, Problem, Table, Time } from './ui.ts'

const PAGE = 50

interface Letter {
  readonly name: string
  readonly request_id: string | null
  readonly model: string | null
  readonly reason: string
  readonly attempts: number
  readonly at: string
}

interface List {
  readonly dead_letters: readonly Letter[]
  readonly next?: string
}

/** Shows dead letters, with redrive and discard. */
export function DeadLettersView({ place, system }: { place: Place; system: SystemInfo }): VNode {
  const { model, after } = place.query
  const { data, error, reload } = useLive<List>(addressOf('/dead-letters', { model, after, limit: PAGE }))
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const names = [...new Set(data?.dead_letters.map(({ name }) => name))]
  const there = names.filter(name => chosen.has(name))
  const toggle = (name: string) => setChosen(before => before.symmetricDifference(new Set([name])))
  const done = () => {
    setChosen(new Set())
    reload()
  }
  const all = html`<input type="checkbox" aria-label="Choose all of this page" checked=${names.length > 0 && there.length === names.length}
    onChange=${() => setChosen(there.length === names.length ? new Set() : new Set(names))} />`
  const rows = data?.dead_letters.map(letter => rowOf(letter, chosen.has(letter.name), () => toggle(letter.name)))
  return html`
    <${Heading}>Dead letters</${Heading}>
    <p class="muted">A request that failed for good is a dead letter until it is run again or discarded.</p>
    <${Actions} chosen=${there} model=${model} system=${system} isEmpty=${names.length === 0} onDone=${done} />
    <${Problem}>${error}</${Problem}>
    <${Table} caption="Dead letters" head=${[all, 'Request', 'At', 'Model', 'Reason', 'Attempts']} rows=${rows} empty="There are no dead letters." />
    <nav class="pages" aria-label="Pages">
      ${after && html`<a class="button" href=${linkTo('dead-letters', { model })}>First page</a>`}
      ${data?.next && html`<a class="button" href=${linkTo('dead-letters', { model, after: data.next })}>Next page</a>`}
    </nav>`
}

const rowOf = (
  { name, request_id, at, model, reason, attempts }: Letter,
  isChosen: boolean,
  toggle: () => void,
): VNode =>
  html`<tr key=${`${name} ${at}`}>
    <td><input type="checkbox" aria-label=${`Choose ${name}`} checked=${isChosen} onChange=${toggle} /></td>
    <th scope="row">${
      request_id === null
        ? html`<span class="id" title=${name}>${shortId(name)}</span>`
        : html`<a class="id" href=${linkTo(`requests/${request_id}`)} title=${request_id}>${shortId(request_id)}</a>`
    }</th>
    <td><${Time} at=${at} /></td>
    <td>${model ?? html`<span class="muted">none</span>`}</td>
    <td>${reason}</td>
    <td class="number">${count(attempts)}</td>
  </tr>`

interface ActionsProps {
  readonly chosen: readonly string[]
  readonly model: string | undefined
  readonly system: SystemInfo
  readonly isEmpty: boolean
  onDone(): void
}

function Actions({ chosen, model, system, isEmpty, onDone }: ActionsProps): VNode {
  const { redrive, discard } = useDeadLetterActions(onDone)
  const these = plural(chosen.length, 'dead letter')
  const choose = (event: Event) => go('dead-letters', { model: (event.currentTarget as HTMLSelectElement).value })
  const everything = model ? { model } : { all: true as const }
  const whole = model ? `all dead letters of ${model}` : 'all dead letters'
  return html`<div class="filters">
    <label>Model <select onChange=${choose}><option value="">all</option>${system.models.map(
      name => html`<option value=${name} selected=${name === model}>${name}</option>`,
    )}</select></label>
    <button type="button" class="primary" disabled=${chosen.length === 0} onClick=${() => redrive({ names: chosen }, these)}>Redrive chosen</button>
    <button type="button" class="danger" disabled=${chosen.length === 0} onClick=${() => discard(chosen, these)}>Discard chosen</button>
    <button type="button" disabled=${isEmpty} onClick=${() => redrive(everything, whole)}>Redrive ${model ? `all of ${model}` : 'all'}</button>
  </div>`
}
