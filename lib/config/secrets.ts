import type { Finding, Path } from './finding.ts'
import type { Pipeline } from './schema.ts'
import type { SourceDocument } from './source-document.ts'

/** Matches the names of variables that hold secrets: OPENAI_API_KEY, GITHUB_TOKEN, DB_PASSWORD. It does not match MAX_TOKENS. */
const SECRET_VARIABLE =
  /(?:^|_)(?:api|access|auth|private)?(?:key|token|secret|password|passwd|passphrase|credentials?)(?:_|$)/i

/** Matches headers that hold secrets: Authorization, X-Api-Key, X-Auth-Token. It does not match Idempotency-Key. */
const SECRET_HEADER =
  /^(?:proxy-)?authorization$|^cookie$|(?:^|-)(?:api-?key|(?<!idempotency-)key|token|secret|password)$/i

/** Matches fields of a URL's query that hold secrets. */
const SECRET_QUERY = /(?:^|[_-])(?:api-?key|key|token|secret|sig|signature|password|code)$/i

/** Matches the keys of well-known services by their first characters, and credentials in a URL. */
const SECRET_VALUE =
  /(?:^|[\s"'=])(?:sk[-_]|gh[pousr]_|github_pat_|glpat-|xox[abps]-|hf_|AKIA|ASIA|AIza|eyJ[\w-]+\.)\S{8}|:\/\/[^/\s:@]+:[^/\s@]+@/

const WHERE = 'it would be readable in the code of the deployed function'
const RIGHT = 'let auth name a secret of AWS Secrets Manager'

/**
 * Warns of each value that looks like a secret and would be written into the deployment. It is a warning, because only the author of
 * the file knows whether it is a secret. No message shows the value.
 */
export function findSecrets({ models }: Pipeline, source: SourceDocument): Finding[] {
  const found = [
    ...variables(source),
    ...Object.entries(models).flatMap(([name, model]) => endpointSecrets(name, model)),
  ]
  // A variable in a header is found twice. The first finding names the variable, so it is kept. The second is left out.
  const paths = new Set<string>()
  return found.filter(({ path }) => {
    const key = JSON.stringify(path)
    return !paths.has(key) && paths.add(key)
  })
}

function variables(source: SourceDocument): Finding[] {
  return source.variables().flatMap(({ path, names, value }) => {
    if (isName(path)) return []
    const name = names.find(variable => SECRET_VARIABLE.test(variable))
    if (name === undefined && !SECRET_VALUE.test(value)) return []
    const which = `\${${name ?? names[0]}}`
    return [{ path, message: `has ${which}, which looks like a secret: ${WHERE}; ${RIGHT}` }]
  })
}

/**
 * Returns whether a value of `auth` is the name of a header, a secret or a service. All values of `auth` are names,
 * except the prefix.
 */
const isName = (path: Path): boolean => path.at(-2) === 'auth' && path.at(-1) !== 'prefix'

function endpointSecrets(name: string, { endpoint, batch }: Pipeline['models'][string]): Finding[] {
  const headers = Object.entries(endpoint.headers).flatMap(([header, value]): Finding[] => {
    if (!SECRET_HEADER.test(header) && !SECRET_VALUE.test(value)) return []
    const right = `auth: { header: ${header}, prefix: "", secret: NAME }`
    const message = `looks like a secret: ${WHERE}; name a secret of AWS Secrets Manager with ${right}`
    return [{ path: ['models', name, 'endpoint', 'headers', header], message }]
  })
  return [
    ...headers,
    ...urlSecrets(['models', name, 'endpoint', 'url'], endpoint.url),
    ...urlSecrets(['models', name, 'batch', 'url'], batch?.url),
  ]
}

function urlSecrets(path: Path, url: string | undefined): Finding[] {
  const fields = url === undefined ? [] : [...new URL(url).searchParams]
  const secret = fields.find(([field, value]) => SECRET_QUERY.test(field) || SECRET_VALUE.test(value))
  if (secret === undefined) return []
  return [
    { path, message: `has what looks like a secret in its query: ${WHERE}, and in logs of the endpoint; ${RIGHT}` },
  ]
}
