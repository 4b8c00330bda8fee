import { oneLine } from './one-line.ts'
import type { Answered, Body, Verdict } from './port.ts'

/** The most characters that a sentence quotes from an answer that is not JSON. */
const MAX_QUOTE = 80
const MAX_TYPE = 60

/** Describes the kind of an answer, such as `200, text/html`. */
export function kindOf({
  status,
  content_type,
}: Pick<Answered, 'status'> & { content_type?: string | undefined }): string {
  const [type = ''] = (content_type ?? '').split(';')
  const name = oneLine(type, MAX_TYPE)
  return name === '' ? String(status) : `${status}, ${name}`
}

/** For each verdict of a condition: its words for the sentence, and the condition's key in pipeline.yaml. */
const CONDITIONS: Readonly<Record<Verdict, readonly [says: string, key: string]>> = {
  retry: ['an error that may pass', 'backoff_when'],
  drop: ['an error that will not pass', 'drop_when'],
  halt: ['an error for which the model is halted', 'halt_when'],
}

export function conditionSentence(condition: Verdict, answered: Answered): string {
  const [says, key] = CONDITIONS[condition]
  return `the model answered with ${says} (${kindOf(answered)}; ${key})`
}

/** Builds the sentence about an answer with a status of 300 or more. */
export function statusSentence(answered: Answered, isError: boolean, isHalt: boolean): string {
  if (answered.status < 400) return redirectSentence(answered)
  if (isHalt) return `the model refused the secret of its calls with ${answered.status}`
  const what = isError
    ? `the model answered ${answered.status}`
    : `the model refused the request with ${answered.status}`
  return answered.body.kind === 'text' ? `${what} (${kindOf(answered)})`.replace(`(${answered.status}, `, '(') : what
}

function redirectSentence({ status, headers: { location = '' }, url }: Answered): string {
  const target = targetOf(location, url)
  const redirects = target === undefined ? `with ${status}, but names no address` : `to ${target} with ${status}`
  return `the model redirects ${redirects}; redirects are not followed, so endpoint.url must be the address itself`
}

/**
 * Returns the target of a redirect, or undefined if `location` is no address. It names only the scheme and the host,
 * because the path may contain parts of the request, which no log may contain. `location` may be relative to `url`.
 */
function targetOf(location: string, url: string): string | undefined {
  if (location === '' || !URL.canParse(location, url)) return undefined
  const { protocol, host, origin } = new URL(location, url)
  if (host === '') return undefined
  return origin === new URL(url).origin ? 'another path' : `${protocol}//${host}`
}

const QUOTE = '; it begins with '

/**
 * Returns the sentence without its quote, for a log. A log must not contain a result, and a quoted text may be a part
 * of a result.
 */
export const withoutQuote = (sentence: string): string => sentence.split(QUOTE, 1).join('')

/**
 * Builds the sentence about a successful answer that is not JSON. `quotes` says whether the sentence may quote the
 * answer.
 */
export function textSentence(
  answered: Answered,
  { text, why }: Extract<Body, { kind: 'text' }>,
  quotes: boolean,
): string {
  const begins = quotes ? QUOTE + oneLine(text, MAX_QUOTE) : ''
  return `the model's answer ${why} (${kindOf(answered)})${begins}`
}

/**
 * Returns whether an answer is an HTML page. Such a page comes from a server in front of the model, and not from the
 * model. So a later call may succeed.
 */
export const isPage = ({ content_type = '' }: Answered, text: string): boolean =>
  /^\s*<(!doctype|html)\b/i.test(text) || (/^text\/html\b/i.test(content_type) && /^\s*</.test(text))

/** Builds the sentence about an answer without a result: the text `what`, and then the kind of the answer. */
export function noResultSentence(
  what: string,
  { status, content_type }: { status?: number | undefined; content_type?: string | undefined },
): string {
  if (status === undefined) return what
  const isLater = status === 202 ? '; the endpoint answers later by itself, and Sluice does not ask it again' : ''
  return `${what} (${kindOf({ status, content_type })})${isLater}`
}
