import * as z from 'zod'
import { isLinkLocal } from './addresses.ts'
import { DURATION, parseDuration } from './duration.ts'
import { checkMapping } from './mapping.ts'
import { suggest } from './suggest.ts'

// The kinds of values in the pipeline file. Each error message completes a sentence that begins with the name of the key.
// The message says which values are right. It is the same for a wrong type, a wrong form and a wrong size.

/** Makes the schema of a whole number between two limits. */
export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min.toLocaleString('en-US')} to ${max.toLocaleString('en-US')}`
  return z
    .number(message)
    .min(min, { error: message, abort: true })
    .max(max, { error: message, abort: true })
    .int(message)
}

interface DurationField {
  min: string
  max: string
  example: string
  description: string
}

/**
 * Makes the schema of a duration between two limits, which are durations, too. The file has a text such as `30s`. The schema
 * turns it into milliseconds.
 */
export function duration({ min, max, example, description }: DurationField, form = 'a duration') {
  const message = `must be ${form} from ${min} to ${max}, such as ${example}`
  return z
    .string(message)
    .regex(DURATION, message)
    .meta({ title: 'duration', description: `${description} From ${min} to ${max}.`, examples: [example] })
    .transform(text => parseDuration(text) ?? Number.NaN)
    .pipe(
      z
        .number(message)
        .min(parseDuration(min) ?? 0, { error: message, abort: true })
        .max(parseDuration(max) ?? 0, { error: message, abort: true }),
    )
}

/** Makes the schema of a duration in whole seconds, for settings that AWS counts in seconds. */
export function wholeSeconds(field: DurationField) {
  const message = `must be whole seconds from ${field.min} to ${field.max}, such as ${field.example}`
  return duration(field).refine(milliseconds => milliseconds % 1_000 === 0, message)
}

const isUpTo = (max: number, count: number): boolean => count >= 1 && count <= max

const CALLS = /^(\d{1,7})\/([smh])$/
const INTERVALS = { s: 1_000, m: 60_000, h: 3_600_000 } as const

/** Makes the schema of a number of calls per interval, written as `600/m`. */
export function callRate(max: number, description: string) {
  const most = max.toLocaleString('en-US')
  const message = `must be 1 to ${most} calls a second, minute or hour, such as 10/s, 600/m or 5000/h`
  return z
    .string(message)
    .regex(CALLS, { error: message, abort: true })
    .refine(text => isUpTo(max, Number.parseInt(text, 10)), message)
    .meta({
      title: 'rate',
      description: `${description} From 1 to ${most} calls per second, minute or hour.`,
      examples: ['600/m'],
    })
    .transform(text => {
      const [, count, unit] = CALLS.exec(text) ?? []
      return { count: Number(count), interval_ms: INTERVALS[unit as keyof typeof INTERVALS] }
    })
}

/** Makes the schema of a duration in whole days. */
export function wholeDays(field: DurationField) {
  const message = `must be whole days from ${field.min} to ${field.max}, such as ${field.example}`
  return duration(field, 'whole days').refine(milliseconds => milliseconds % 86_400_000 === 0, message)
}

/** Makes the schema of one of a few words. */
export function oneOf<const Words extends readonly string[]>(...words: Words) {
  return z.enum(
    words,
    quotesIf(value => words.includes(value), `must be one of ${words.join(', ')}`),
  )
}

/**
 * Makes the error of a text. Without quotes, YAML reads a text such as 4.2 as a number. If the number would be right with
 * quotes, the message says that they are missing.
 */
function quotesIf(isRight: (text: string) => boolean, message: string) {
  const error = ({ input }: { input?: unknown }): string =>
    typeof input === 'number' && isRight(String(input)) ? `${message} (put quotes around it)` : message
  return { error }
}

/** True or false. */
export const flag = z.boolean('must be true or false')

/**
 * Makes the schema of a text with a given form. `what` completes "must be …" in errors, and describes the value in the
 * reference.
 */
export function text(pattern: RegExp, what: string) {
  const message = `must be ${what}`
  return z
    .string(quotesIf(value => pattern.test(value), message))
    .regex(pattern, message)
    .meta({ title: what })
}

/** Makes the schema of a YAML mapping with these keys and no others. Its error for unknown keys has one line per key. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: issue =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map(key => unknownKey(key, known)).join('\n')
        : 'must be a mapping of keys to values',
  })
}

function unknownKey(key: string, known: string[]): string {
  const meant = suggest(key, known)
  const hint = meant === undefined ? `its keys are ${known.join(', ')}` : `did you mean "${meant}"?`
  return `has no key ${JSON.stringify(key)}; ${hint}`
}

/** The name of a model or a plan. The name becomes a part of names in AWS. */
export const Name = text(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a name of a-z, 0-9 and -, up to 32 characters')

/** A JSONata expression. The schema compiles the expression, so that a mistake is found before anything starts. */
export const Mapping = z
  .string('must be a JSONata expression')
  .superRefine((expression, context) => {
    const problem = checkMapping(expression)
    if (problem === undefined) return
    const { message, ...params } = problem
    context.addIssue({ code: 'custom', message, params })
  })
  .meta({ title: 'JSONata' })

const OTLP_FORM =
  'must be xray, or the http or https URL of an OTLP receiver, such as https://collector.example.com/v1/traces'

/**
 * A receiver of OTLP/HTTP. Credentials in its URL are refused, because everybody who sees the template could read them.
 */
export const OtlpEndpoint = z
  .string(OTLP_FORM)
  .refine(endpoint => endpoint === 'xray' || (/^https?:\/\//.test(endpoint) && URL.canParse(endpoint)), {
    error: OTLP_FORM,
    abort: true,
  })
  .refine(
    endpoint => endpoint === 'xray' || (new URL(endpoint).username === '' && new URL(endpoint).password === ''),
    'must have no credentials in it',
  )
  .refine(endpoint => endpoint === 'xray' || !isLinkLocal(endpoint), 'must not be a link-local address')
  .meta({ title: 'URL or `xray`' })

const URL_FORM = 'must be an http or https URL, such as http://127.0.0.1:8081/predict'

/**
 * The address of an HTTP endpoint. Credentials in the URL are refused, because logs would contain them, and fetch does not
 * accept them.
 */
export const Url = z
  .string(URL_FORM)
  .regex(/^https?:\/\//, { error: URL_FORM, abort: true })
  .refine(url => URL.canParse(url), { error: URL_FORM, abort: true })
  .refine(
    url => new URL(url).username === '' && new URL(url).password === '',
    'must have no credentials in it; use auth',
  )
  // The message does not show the URL, because a variable may have put a secret into it.
  .refine(
    url => !isLinkLocal(url),
    'must not be a link-local address: no model is there, but credentials of the machine that calls it',
  )
  .meta({ title: 'URL' })
