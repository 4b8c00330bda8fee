import type { OnCloudWatch } from './definition.ts'
import { definitionOf, METRIC_NAMES } from './definitions.ts'
import type { Sample } from './meter.ts'

/**
 * The most values of a metric that CloudWatch reads in one line. A metric with more values is written in several lines,
 * so that no value is lost.
 */
const MAX_VALUES = 100

const DIMENSIONS: Readonly<Record<OnCloudWatch, readonly (readonly string[])[]>> = {
  'per service': [['service']],
  'per model': [['service', 'model']],
  'per service and queue': [['service', 'queue']],
  'only in the log': [],
}

/**
 * Writes values as log lines in CloudWatch's embedded metric format. Values of one service, one model and one queue share a line. A metric that
 * is only in the log is a field of the line, and no metric of CloudWatch.
 */
export function emfLines(samples: readonly Sample[], namespace: string, now: number): string[] {
  const lines = Map.groupBy(samples.flatMap(inPieces), ({ service, model, queue, piece }) =>
    JSON.stringify([service, model, queue, piece]),
  )
  return [...lines.values()].map(line => emfLine(line, namespace, now))
}

interface Piece extends Sample {
  readonly piece: number
}

function inPieces(sample: Sample): Piece[] {
  const pieces = Math.ceil(sample.values.length / MAX_VALUES)
  return Array.from({ length: pieces }, (_, piece) => ({
    ...sample,
    piece,
    values: sample.values.slice(piece * MAX_VALUES, (piece + 1) * MAX_VALUES),
  }))
}

function emfLine(samples: readonly Piece[], namespace: string, now: number): string {
  const [first] = samples
  const directives = Map.groupBy(samples, ({ name }) => definitionOf(name).on_cloudwatch ?? 'per service')
  return JSON.stringify({
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [...directives].flatMap(([where, ofThese]) =>
        DIMENSIONS[where].length === 0
          ? []
          : [
              {
                Namespace: namespace,
                Dimensions: DIMENSIONS[where],
                Metrics: ofThese.map(({ name }) => ({ Name: name, Unit: definitionOf(name).unit })),
              },
            ],
      ),
    },
    service: first?.service,
    model: first?.model,
    queue: first?.queue,
    ...Object.fromEntries(samples.map(({ name, values }) => [name, values.length === 1 ? values[0] : values])),
  })
}

/** Reads the values of a line that `emfLines` has written. Other content of the line is left out. */
export function samplesIn(line: Readonly<Record<string, unknown>>): Sample[] {
  const { service, model, queue } = line
  if (typeof service !== 'string') return []
  return METRIC_NAMES.flatMap(name => {
    const values = [line[name]].flat().filter(value => typeof value === 'number')
    const labels = { model: textIn(model), ...(typeof queue === 'string' && { queue }) }
    return values.length === 0 ? [] : [{ name, service, ...labels, values }]
  })
}

const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
