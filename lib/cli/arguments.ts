import { InvalidArgumentError } from 'commander'
import { requestIdOf } from '../../functions/core/openai-api/request-ids.ts'
import { parseDuration } from '../config/duration.ts'
import { type NamedWindow, parseWindow } from './window-name.ts'

// These functions read arguments. If a function throws, commander prints the argument's name and the error's
// message, and exits with 2.

/**
 * The form of a user id. It is the same as in the functions, and a test compares both. It is repeated here, because the
 * schemas of the functions take longer to load than most commands run.
 */
const USER_ID = /^[A-Za-z0-9._@-]{1,128}$/
const UUID =
  /^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}|0{8}-0{4}-0{4}-0{4}-0{12}|f{8}-f{4}-f{4}-f{4}-f{12})$/

export function userId(text: string): string {
  if (USER_ID.test(text)) return text
  throw new InvalidArgumentError('A user id has 1 to 128 of A-Z a-z 0-9 . _ @ -')
}

/** Parses the id of a request, which may have a prefix of the OpenAI API, such as `resp_`. */
export function requestId(text: string): string {
  const id = requestIdOf(text)
  if (UUID.test(id)) return id
  throw new InvalidArgumentError('A request id is a UUID.')
}

/**
 * Parses the name of a dead letter: the id of its request, or any other text, because some messages belong to no
 * request.
 */
export function letterName(text: string): string {
  const id = requestIdOf(text)
  return UUID.test(id) ? id : text
}

/** Collects the names of several dead letters. */
export const letterNames = (text: string, before: readonly string[] = []): string[] => [...before, letterName(text)]

/** The longest duration, in milliseconds: a hundred years. With it, each expiry is a valid date. */
const MAX_DURATION_MS = 36_500 * 86_400_000

/** Parses a duration to milliseconds. */
export function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0 && ms <= MAX_DURATION_MS) return ms
  throw new InvalidArgumentError('It is a duration of up to 36500d, such as 90d or 12h.')
}

/** Parses a lifetime to milliseconds, or `never`. */
export function lifetime(text: string): number | 'never' {
  if (text === 'never') return text
  try {
    return duration(text)
  } catch {
    throw new InvalidArgumentError('It is a duration of up to 36500d, such as 90d or 12h, or never.')
  }
}

const WHOLE_NUMBER = /^[1-9][0-9]{0,14}$/

export function wholeNumber(text: string): number {
  if (WHOLE_NUMBER.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 1.')
}

/** A number of decimal digits, also as in 1e6 or 0.5. */
const NUMBER = /^[0-9]{1,15}(\.[0-9]{1,6})?(e[0-9]{1,2})?$/i

/** The most requests per month for which a bill is computed. */
const MAX_REQUESTS = 1e12

export function monthlyRequests(text: string): number {
  if (NUMBER.test(text) && Number.isInteger(Number(text)) && Number(text) <= MAX_REQUESTS) return Number(text)
  throw new InvalidArgumentError('It is a whole number of requests in a month, from 0 to 1e12, such as 1e6.')
}

/** The longest `endpoint.timeout`, in seconds. */
const MAX_MODEL_SECONDS = 14 * 60

export function modelSeconds(text: string): number {
  if (NUMBER.test(text) && Number(text) <= MAX_MODEL_SECONDS) return Number(text)
  throw new InvalidArgumentError('It is the time of one call to a model in seconds, from 0 to 840, such as 2 or 0.5.')
}

/** The most reservations in one quota item. */
const MAX_OPEN = 100

export function openReservations(text: string): number {
  if (WHOLE_NUMBER.test(text) && Number(text) <= MAX_OPEN) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 1 to 100.')
}

/** Parses a limit that replaces the plan's limit for one user, or `default`: then the plan's limit applies again. */
export function limit(text: string): number | 'default' {
  if (text === 'default') return text
  if (WHOLE_NUMBER.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 1, or default for the limit of the plan.')
}

export function jsonObject(text: string): Record<string, unknown> {
  const value = parsed(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new InvalidArgumentError('It is a JSON object, such as {"prompt":"hello"}.')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function quotaWindow(text: string): NamedWindow {
  const window = parseWindow(text)
  if (window) return window
  throw new InvalidArgumentError('A window is a day such as 2026-11-23, or an hour such as 2026-11-23T10, in UTC.')
}
