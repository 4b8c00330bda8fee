import { isOfOperation, operationUrl } from './endpoint-url.ts'
import { isProvider, PROFILES } from './index.ts'
import type { Profile } from './profile.ts'

type Section = Readonly<Record<string, unknown>>

/**
 * Adds the settings of a model's `provider`, before the schema checks the file. So the rest of the code gets complete
 * settings. If the file has a key, the file's value is used. A wrong value is used, too, so that the schema reports it.
 */
export function withProviders(data: unknown): unknown {
  if (!isSection(data) || !isSection(data.models)) return data
  const models = Object.entries(data.models).map(([name, model]) => [name, withProvider(name, model)])
  return { ...data, models: Object.fromEntries(models) }
}

function withProvider(name: string, model: unknown): unknown {
  if (!isSection(model) || model.provider === undefined) return model
  // For an unknown provider, the settings of another provider are used, so that the schema reports only the wrong name and
  // not each missing key.
  const profile = PROFILES[isProvider(model.provider) ? model.provider : 'openai']
  const { response, estimate } = profile
  return {
    request: requestOf(profile, textOf(model.model) ?? name),
    response,
    ...(estimate !== undefined && { estimate }),
    ...model,
    ...(isSection(model.endpoint) && {
      endpoint: { ...model.endpoint, ...endpointOf(profile, model, model.endpoint) },
    }),
    retry: retryOf(profile, model.retry),
  }
}

function endpointOf({ endpoint = {}, path }: Profile, model: Section, given: Section): Section {
  const { headers, auth } = endpoint
  const url = urlOf(path, model, given.url)
  const ofAuth = auth && authOf(auth, given.auth)
  return {
    ...(url !== undefined && { url }),
    ...(headers && { headers: headersOf(headers, given.headers) }),
    ...(ofAuth !== undefined && { auth: ofAuth }),
  }
}

/**
 * Returns the URL of the operation. Returns undefined if the given URL stays as it is. If the URL can't be parsed, the
 * schema reports the mistake.
 */
function urlOf(path: Profile['path'], { model, request }: Section, given: unknown): string | undefined {
  if (typeof given !== 'string' || !URL.canParse(given)) return undefined
  // If the file has its own mapping, this mapping may make the body of another operation of the API. So the URL of any
  // operation stays as it is.
  if (request !== undefined && isOfOperation(given, path)) return undefined
  return operationUrl(given, path, textOf(model))
}

/** Adds the provider's headers to those of the file. HTTP ignores the case of a header's name. */
function headersOf(headers: Readonly<Record<string, string>>, given: unknown = {}): unknown {
  if (!isSection(given)) return given
  const names = Object.keys(given).map(name => name.toLowerCase())
  const missing = Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase()))
  return { ...Object.fromEntries(missing), ...given }
}

function authOf(auth: Section, given: unknown): unknown {
  if (given === undefined) return 'sigv4' in auth ? auth : undefined
  return isSection(given) && 'secret' in given && 'header' in auth ? { ...auth, ...given } : given
}

/**
 * Adds the provider's statuses and conditions to those of the file. If the file has a status in one list, this status is
 * removed from the provider's other list, because a status must not be in both.
 */
function retryOf({ retry }: Profile, given: unknown = {}): unknown {
  if (!isSection(given)) return given
  const { backoff_on, drop_on, ...conditions } = retry
  return {
    backoff_on: without(backoff_on, given.drop_on),
    drop_on: without(drop_on, given.backoff_on),
    ...conditions,
    ...given,
  }
}

const without = (statuses: readonly number[], named: unknown): number[] =>
  statuses.filter(status => !(Array.isArray(named) && named.includes(status)))

const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

interface Mapped {
  readonly provider?: string | undefined
  readonly model?: string | undefined
  readonly request: string
  readonly response: string
  readonly batch?: unknown
}

/**
 * Returns whether a model's endpoint gets bodies of the OpenAI API as they are. The endpoint does not get them if the
 * file has its own mapping, because this mapping makes the body. It does not get them with `batch` either, because a batch
 * puts several requests into one call.
 */
export function passesOn(name: string, { provider, model, request, response, batch }: Mapped): boolean {
  const { openai } = PROFILES
  const isOwn = request !== requestOf(openai, model ?? name) || response !== openai.response
  return provider === 'openai' && !isOwn && batch === undefined
}

const requestOf = ({ request }: Profile, model: string): string =>
  request.replaceAll('$model', () => JSON.stringify(model))
