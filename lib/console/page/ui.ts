import { html } from 'htm/preact'
import type { ComponentChildren, VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { count, time } from './format.ts'

/** Shows a time. A tooltip and the attribute `dateTime` have its exact value. */
export const Time = ({ at }: { at: string | undefined }): VNode | null =>
  at === undefined ? null : html`<time dateTime=${at} title=${at}>${time(at)}</time>`

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'plain'

export const Badge = ({ tone, children }: { tone: Tone; children: ComponentChildren }): VNode =>
  html`<span class=${`badge ${tone}`}>${children}</span>`

const TONES: Readonly<Record<string, Tone>> = {
  queued: 'plain',
  running: 'busy',
  completed: 'good',
  failed: 'bad',
  expired: 'warn',
  cancelled: 'plain',
}

export const StatusBadge = ({ status }: { status: string }): VNode =>
  html`<${Badge} tone=${TONES[status] ?? 'plain'}>${status}</${Badge}>`

/** Shows the used part of a limit, as numbers and as a bar. Screen readers skip the bar. */
export function Usage({ used, limit, more }: { used: number; limit: number; more?: string | undefined }): VNode {
  const share = limit === 0 ? 1 : Math.min(used / limit, 1)
  const tone = share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : ''
  return html`<div class="usage">
    <span class="number">${count(used)} <span class="muted">of ${count(limit)}</span></span>
    ${more && html`<span class="muted">${more}</span>`}
    <span class=${`bar ${tone}`} aria-hidden="true"><span style=${{ width: `${100 * share}%` }}></span></span>
  </div>`
}

interface TableProps {
  readonly caption: string
  readonly head: readonly ComponentChildren[]
  readonly rows: readonly VNode[] | undefined
  /** Shown instead of the table if there are no rows. */
  readonly empty: ComponentChildren
}

/** Shows a table with a caption for screen readers. In a narrow window, the table scrolls, and not the whole page. */
export function Table({ caption, head, rows, empty }: TableProps): VNode {
  if (rows === undefined) return html`<p class="empty">Loading…</p>`
  if (rows.length === 0) return html`<div class="empty">${empty}</div>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="hidden">${caption}</caption>
      <thead><tr>${head.map(name => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${rows}</tbody>
    </table>
  </div>`
}

/** Shows the heading of a view. It gets the focus when the view opens, so that a screen reader reads it. */
export function Heading({ children }: { children: ComponentChildren }): VNode {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    heading.current?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [])
  return html`<h1 tabindex="-1" ref=${heading}>${children}</h1>`
}

export const Problem = ({ children }: { children: ComponentChildren }): VNode | null =>
  children === undefined ? null : html`<p class="problem" role="alert">${children}</p>`
