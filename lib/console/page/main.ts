import { html, render } from 'htm/preact'
import type { VNode } from 'preact'
import { useContext, useEffect, useMemo, useState } from 'preact/hooks'
import { takeToken } from './api.ts'
import { DeadLettersView } from './dead-letters.ts'
import { Dialogs } from './dialog.ts'
import { time } from './format.ts'
import { PaceContext, useLive } from './live.ts'
import { ModelsView } from './models.ts'
import { OverviewView } from './overview.ts'
import { RequestView } from './request.ts'
import { RequestsView } from './requests.ts'
import { linkTo, type Place, usePlace } from './router.ts'
import { SubmitView } from './submit.ts'
import type { SystemInfo } from './system-info.ts'
import { Problem } from './ui.ts'
import { UsersView } from './users.ts'

const VIEWS = [
  ['', 'Overview'],
  ['requests', 'Requests'],
  ['models', 'Models'],
  ['users', 'Users'],
  ['dead-letters', 'Dead letters'],
  ['submit', 'Submit'],
] as const

/** The time between two reads of the page, in milliseconds. It is longer for a deployed stack, because AWS bills each read. */
const EVERY_MS = { local: 2_000, aws: 10_000 } as const

/** The whole page. It decides whether and how often the views read the operator API. */
function App(): VNode {
  const [target, setTarget] = useState<SystemInfo['target']>('local')
  const [isPaused, setPaused] = useState(false)
  const [readAt, setReadAt] = useState<Date>()
  const everyMs = EVERY_MS[target]
  const pace = useMemo(() => ({ isPaused, everyMs, noteReading: setReadAt }), [isPaused, everyMs])
  return html`<${PaceContext.Provider} value=${pace}>
    <${Frame} readAt=${readAt} onPause=${() => setPaused(!isPaused)} onTarget=${setTarget} />
  </${PaceContext.Provider}>`
}

interface FrameProps {
  readonly readAt: Date | undefined
  onPause(): void
  onTarget(target: SystemInfo['target']): void
}

/** Shows the frame around every view. */
function Frame({ readAt, onPause, onTarget }: FrameProps): VNode {
  const place = usePlace()
  const { data: system, error } = useLive<SystemInfo>('/system')
  useEffect(() => system && onTarget(system.target), [system?.target])
  return html`
    <a class="skip" href="#content" onClick=${skipToContent}>Skip to the content</a>
    <header>
      <span class="brand">Sluice</span>
      ${system && html`<span class="muted small">${system.target === 'local' ? system.name : `stack ${system.name} on AWS`}</span>`}
      <nav aria-label="Views">${VIEWS.map(
        ([view, name]) =>
          html`<a href=${linkTo(view)} aria-current=${view === place.view ? 'page' : undefined}>${name}</a>`,
      )}</nav>
      <${PaceControl} readAt=${readAt} onPause=${onPause} />
    </header>
    <${Dialogs}>
      <main id="content" tabindex="-1">
        <${Problem}>${system ? undefined : error}</${Problem}>
        ${system && html`<${View} key=${`${place.view}/${place.id}`} place=${place} system=${system} />`}
      </main>
    </${Dialogs}>`
}

function PaceControl({ readAt, onPause }: Pick<FrameProps, 'readAt' | 'onPause'>): VNode {
  const { isPaused } = useContext(PaceContext)
  return html`<div class="pace">
    <span class=${isPaused ? 'dot' : 'dot live'} aria-hidden="true"></span>
    <span class="small">${isPaused ? 'Paused' : 'Live'}<span class="muted">${readAt && `, read at ${time(readAt.toISOString())}`}</span></span>
    <button type="button" aria-pressed=${isPaused} onClick=${onPause}>Pause</button>
  </div>`
}

/**
 * Moves the focus to the content. A usual link to the anchor `#content` would leave the view, because the part of the
 * address after `#` names the view.
 */
function skipToContent(event: Event): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

function View({ place, system }: { place: Place; system: SystemInfo }): VNode {
  const { view, id } = place
  if (view === 'requests' && id !== undefined) return html`<${RequestView} id=${id} />`
  switch (view) {
    case 'requests':
      return html`<${RequestsView} place=${place} system=${system} />`
    case 'models':
      return html`<${ModelsView} />`
    case 'users':
      return html`<${UsersView} place=${place} />`
    case 'dead-letters':
      return html`<${DeadLettersView} place=${place} system=${system} />`
    case 'submit':
      return html`<${SubmitView} system=${system} />`
    default:
      return html`<${OverviewView} />`
  }
}

takeToken()
const root = document.getElementById('console')
if (root) render(html`<${App} />`, root)
