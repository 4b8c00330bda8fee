import type { Finding, Path } from './finding.ts'

/** Ends a sentence that begins with a key. */
export const notInEffect = 'is not in effect yet; remove it'

// What the schema knows but the system doesn't do yet; `*` stands for any name. With `value`, only that value is refused.
// The schema itself refuses sigv4, so that the type of a loaded pipeline has only the form of auth that is in effect.
const NOT_YET: { path: string; value?: unknown; message: string }[] = [
  { path: 'queue.backend', value: 'rabbitmq', message: "can't be rabbitmq yet: that is not in effect; it must be sqs" },
  { path: 'models.*.endpoint.auth.sigv4', message: notInEffect },
  { path: 'models.*.batch', message: notInEffect },
  { path: 'models.*.rate_limit', message: notInEffect },
  { path: 'models.*.retry', message: notInEffect },
  { path: 'models.*.circuit', message: notInEffect },
  { path: 'observability.tracing', value: true, message: "can't be true yet: tracing is not in effect" },
]

/** What a pipeline asks for that is valid but not in effect yet. */
export function findNotYet(pipeline: object): Finding[] {
  return NOT_YET.flatMap(({ path, value, message }) =>
    select(pipeline, path.split('.'))
      .filter(found => value === undefined || found.value === value)
      .map(found => ({ path: found.path, message, atKey: value === undefined })),
  )
}

/** Whether the key at this path (`models.*.batch`) has no effect yet, whatever its value. */
export function isNotYet(path: string): boolean {
  return NOT_YET.some(entry => entry.path === path && entry.value === undefined)
}

type Found = { path: Path; value: unknown }

function select(tree: unknown, pattern: readonly string[], path: Path = []): Found[] {
  const [first, ...rest] = pattern
  if (first === undefined) return tree === undefined ? [] : [{ path, value: tree }]
  if (typeof tree !== 'object' || tree === null) return []
  return Object.entries(tree)
    .filter(([key]) => first === '*' || key === first)
    .flatMap(([key, value]) => select(value, rest, [...path, key]))
}
