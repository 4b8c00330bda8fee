import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useMemo } from 'preact/hooks'
import type { Overview } from '../../cli/operations/overview.ts'
import { Chart } from './chart.ts'
import { count, duration, plural, time } from './format.ts'
import { Table } from './ui.ts'

const timesOf = ({ parts }: Overview): number[] => parts.map(({ at }) => Date.parse(at) / 1_000)

/** Shows how many requests were made in each part of the time span, as bars that are stacked by outcome: completed, failed, other. */
export function Activity({ overview }: { overview: Overview }): VNode {
  const { parts, part_ms, made } = overview
  const per = partName(part_ms)
  const { times, lines } = useMemo(() => {
    const failed = parts.map(part => part.failed)
    const completed = parts.map(part => part.completed)
    const others = parts.map(part => part.made - part.completed - part.failed)
    const lines = [
      { name: 'other', color: 'faint', values: others, tops: parts.map(part => part.made) },
      { name: 'completed', color: 'good', values: completed, tops: parts.map(part => part.completed + part.failed) },
      { name: 'failed', color: 'bad', values: failed, tops: failed },
    ] as const
    return { times: timesOf(overview), lines }
  }, [overview])
  const label = `Requests made per ${per}: ${count(made.completed)} completed, ${count(made.failed)} failed, since ${time(overview.since)}`
  return html`<section class="card">
    <h2>Requests made per ${per}</h2>
    <${Chart} label=${label} times=${times} lines=${lines} isBars=${true} format=${count} least=${4} />
    <${Numbers} overview=${overview} />
  </section>`
}

/** Shows how long completed requests took. */
export function Durations({ overview }: { overview: Overview }): VNode {
  const { times, lines } = useMemo(() => {
    const lines = [
      { name: '95%', color: 'busy', values: overview.parts.map(({ p95_ms }) => p95_ms ?? null) },
      { name: 'half', color: 'accent', values: overview.parts.map(({ p50_ms }) => p50_ms ?? null) },
    ] as const
    return { times: timesOf(overview), lines }
  }, [overview])
  const slowest = Math.max(0, ...overview.parts.map(({ p95_ms = 0 }) => p95_ms))
  const label = `Time to the end of completed requests: at most ${duration(slowest)} for 95% of them, in each part`
  return html`<section class="card">
    <h2>Time to the end</h2>
    <${Chart} label=${label} times=${times} lines=${lines} format=${duration} least=${1_000} />
    <p class="muted small">Of completed requests, by the time when they were made: half of them, and 95% of them, took at most so long.</p>
  </section>`
}

function Numbers({ overview }: { overview: Overview }): VNode {
  const rows = overview.parts
    .filter(({ made }) => made > 0)
    .toReversed()
    .map(
      ({ at, made, completed, failed }) => html`<tr key=${at}>
        <th scope="row">${time(at)}</th>
        <td class="number">${count(made)}</td><td class="number">${count(completed)}</td><td class="number">${count(failed)}</td>
      </tr>`,
    )
  return html`<details>
    <summary>As a table</summary>
    <${Table} caption="Requests made, by time" head=${['From', 'Made', 'Completed', 'Failed']} rows=${rows} empty="No request was made in this time." />
  </details>`
}

const partName = (ms: number): string =>
  ms >= 60_000 ? plural(ms / 60_000, 'minute').replace(/^1 /, '') : `${ms / 1_000} s`
