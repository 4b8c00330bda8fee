import type * as z from 'zod'

/**
 * A problem of an input: the place of the wrong value, and the end of a sentence about it, such as `must be an
 * integer`.
 */
export interface Problem {
  /** The place, such as `parameters.max_tokens` or `messages[0].role`. It is empty for the whole input. */
  readonly path: string
  readonly message: string
}

/** An input of its schema, or the problems of the input. */
export type Checked<Data> = { readonly data: Data } | { readonly problems: Problem[] }

/**
 * Checks an input by its schema. The problems have sentences for people who know JSON and not zod. If the schema has a
 * message of its own, the sentence is this message.
 */
export function check<Schema extends z.ZodType>(schema: Schema, input: unknown): Checked<z.infer<Schema>> {
  const { data, error } = schema.safeParse(input, { reportInput: true, error: sentence })
  return error ? { problems: error.issues.map(problemOf) } : { data }
}

const problemOf = ({ path, input, message }: z.core.$ZodIssue): Problem => ({
  path: placeOf(path),
  message: input === undefined ? `is missing; it ${message}` : message,
})

const placeOf = (path: readonly PropertyKey[]): string =>
  path
    .map(step => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '')

const ARTICLES: Record<string, string> = {
  int: 'an integer',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'an array',
  nan: 'a number',
}

/** Returns the end of a sentence about an issue, or undefined for an issue about which only its schema can say more. */
function sentence(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${ARTICLES[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`
    case 'too_small': {
      const { origin, minimum, inclusive = true } = issue
      const unit = UNITS[origin]
      if (unit !== undefined) return minimum === 1 ? 'must not be empty' : `must have at least ${minimum} ${unit}`
      return `must be ${inclusive ? 'at least' : 'more than'} ${minimum}`
    }
    case 'too_big': {
      const { origin, maximum, inclusive = true } = issue
      const unit = UNITS[origin]
      if (unit !== undefined) return `must have at most ${maximum} ${unit}`
      return `must be ${inclusive ? 'at most' : 'less than'} ${maximum}`
    }
    case 'invalid_union':
      return 'must have another form'
    case 'invalid_format':
      return `must be ${issue.format === 'uuid' ? 'an id' : `of the form ${issue.format}`}`
    default:
      return undefined
  }
}

/** The things that a bound of a text or of a list counts. */
const UNITS: Record<string, string> = { string: 'characters', array: 'items' }
