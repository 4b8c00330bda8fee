import type * as z from 'zod'

/**
 * A problem of an input: the place of the wrong value, and the end of a sentence about it, such as `must be an
 * integer`.
 */
export interface Problem {
  /** The place, such as `parameters.max_tokens`. It is empty for the whole input. */
  readonly path: string
  readonly message: string
}

type Issue = z.core.$ZodIssue

/**
 * Returns the problems of an input in sentences for people who know JSON and not zod. The caller must parse with zod's
 * option `reportInput`. Otherwise a sentence can't say that a field is missing.
 */
export const problemsOf = (error: z.ZodError): Problem[] =>
  error.issues.map(issue => ({ path: issue.path.join('.'), message: sentence(issue) }))

const ARTICLES: Record<string, string> = {
  int: 'an integer',
  number: 'a number',
  string: 'a string',
  object: 'an object',
  record: 'an object',
  array: 'an array',
  nan: 'a number',
}

function sentence(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${issue.input === undefined ? 'is missing; it ' : ''}must be ${ARTICLES[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`
    case 'too_small':
      return typeof issue.minimum === 'number' && issue.origin !== 'string'
        ? `must be at least ${issue.minimum}`
        : issue.message
    case 'too_big':
      return `must be at most ${issue.maximum}`
    case 'invalid_format':
      return `must be ${issue.format === 'uuid' ? 'an id' : `of the form ${issue.format}`}`
    default:
      return issue.message
  }
}
