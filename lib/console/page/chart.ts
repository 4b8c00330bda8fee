import { html } from 'htm/preact'
import type { VNode } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'

export interface Line {
  readonly name: string
  /** The name of a color in style.css. */
  readonly color: 'good' | 'bad' | 'busy' | 'accent' | 'faint'
  readonly values: readonly (number | null)[]
  /** Only for bars: the upper end of each bar, if it is stacked on other bars. */
  readonly tops?: readonly number[]
}

interface ChartProps {
  /** A description of the chart in words, for people who can't see it. */
  readonly label: string
  /** The times of the values, in epoch seconds. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  readonly isBars?: boolean
  readonly format: (value: number) => string
  /** The vertical axis goes at least to this value, also if all values are lower. */
  readonly least: number
}

const HEIGHT = 190

/** The possible steps between two labels of the vertical axis. They are whole numbers. */
const STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map(n => n * 10 ** power)).flat()

/** Returns the time of day, for epoch seconds: `12:30`. */
const clock = (at: number): string => new Date(at * 1_000).toTimeString().slice(0, 5)

/** Shows a chart over time. The chart adapts to the width of its container, and to the light or dark colors of the operating system. */
export function Chart(props: ChartProps): VNode {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  // The plot keeps the functions that it was made with. They read this ref, so that the legend shows the values of the newest props.
  const newest = useRef(props)
  newest.current = props
  useEffect(() => {
    const { current: parent } = place
    if (!parent) return undefined
    const draw = () => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(newest, parent.clientWidth), dataOf(newest.current), parent)
    }
    draw()
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: parent.clientWidth, height: HEIGHT }))
    resized.observe(parent)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', draw)
    return () => {
      scheme.removeEventListener('change', draw)
      resized.disconnect()
      plot.current?.destroy()
    }
  }, [])
  useEffect(() => plot.current?.setData(dataOf(props)), [props.times, props.lines])
  return html`<div class="chart" role="img" aria-label=${props.label} ref=${place}></div>`
}

const dataOf = ({ times, lines }: ChartProps): uPlot.AlignedData => [
  [...times],
  ...lines.map(({ tops, values }) => [...(tops ?? values)]),
]

function optionsOf(newest: { readonly current: ChartProps }, width: number): uPlot.Options {
  const { lines, isBars = false, format, least } = newest.current
  const colorOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(`--chart-${name}`)
  const axis = { stroke: colorOf('text'), grid: { stroke: colorOf('grid'), width: 1 }, ticks: { show: false } }
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], gap: 1 })
  return {
    width,
    height: HEIGHT,
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, least)] } },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map(clock) },
      { ...axis, size: 64, incrs: STEPS, values: (_plot, ticks) => ticks.map(format) },
    ],
    series: [
      { label: 'from', value: (_plot, at) => (at === null ? '' : clock(at)) },
      ...lines.map(({ name, color }, index) => ({
        label: name,
        stroke: colorOf(color),
        width: isBars ? 0 : 2,
        ...(isBars && bars && { paths: bars, fill: colorOf(color) }),
        points: { show: !isBars, size: 5, fill: colorOf(color) },
        spanGaps: false,
        value: (_plot: uPlot, _top: number | null, _series: number, at: number | null) => {
          const value = at === null ? undefined : newest.current.lines[index]?.values[at]
          if (at === null) return ''
          return value === undefined || value === null ? '–' : format(value)
        },
      })),
    ],
  }
}
