import { DescribeSecretCommand, ResourceNotFoundException, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { isLoopback } from '../../config/addresses.ts'
import { ConfigError } from '../../config/finding.ts'
import type { Environment } from '../../config/interpolate.ts'
import { loadPipeline } from '../../config/load.ts'
import type { Pipeline } from '../../config/schema.ts'
import { type Check, examine, failed, ok, oneLine } from './check.ts'

/** Reads the pipeline file. Without a valid file, the checks that need it are skipped. */
export function readPipeline(file: string, env: Environment): { pipeline: Pipeline | undefined; check: Check } {
  try {
    const pipeline = loadPipeline(file, env)
    const models = Object.keys(pipeline.models).join(', ')
    return { pipeline, check: ok('pipeline', `${file} is valid; its models are ${models}`) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [first] = error.message.split('\n')
    const todo = `correct the file; \`npx sluice config check ${file}\` lists every mistake`
    return { pipeline: undefined, check: failed('pipeline', oneLine(first ?? ''), todo) }
  }
}

/** Examines the things that a pipeline needs besides its stack: models that AWS can reach, and the models' secrets. */
export function examineModels({ models }: Pipeline): Promise<Check[]> {
  const secrets = secretsOf(models)
  return Promise.all([
    ...Object.entries(models).map(async ([name, model]) => addressOf(name, model)),
    ...secrets.map(secret => examine(`secret ${secret}`, () => existingSecret(secret))),
  ])
}

type Models = Pipeline['models']

function addressOf(name: string, { endpoint, batch }: Models[string]): Check {
  const check = `model ${name}`
  const local = [endpoint.url, batch?.url].find(url => url !== undefined && isLoopback(url))
  if (local === undefined) return ok(check, `it is called at ${new URL(endpoint.url).host}`)
  const found = `it is called at ${withoutSecrets(local)}, which on AWS is the worker itself, where nothing answers`
  return failed(
    check,
    found,
    `set the variable of its URL to the model's address (in the default file, TEXT_MODEL_URL)`,
  )
}

/** Returns a URL without its query and its user, because both may contain a secret. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/** Returns the names of the secrets that models need, each once. */
export const secretsOf = (models: Models): string[] => [
  ...new Set(
    Object.values(models).flatMap(({ endpoint: { auth } }) => (auth && 'secret' in auth ? [auth.secret] : [])),
  ),
]

async function existingSecret(name: string): Promise<Check> {
  const check = `secret ${name}`
  const create = `aws secretsmanager create-secret --name ${name} --secret-string KEY`
  try {
    const { DeletedDate } = await new SecretsManagerClient().send(new DescribeSecretCommand({ SecretId: name }))
    if (DeletedDate === undefined) return ok(check, 'it is in Secrets Manager')
    const restore = `aws secretsmanager restore-secret --secret-id ${name}`
    return failed(check, 'it is marked for deletion', `restore it with \`${restore}\``)
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error
    return failed(check, 'it is not in Secrets Manager of this region', `make it with \`${create}\``)
  }
}
