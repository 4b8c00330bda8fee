import { RequestError } from '../../../functions/core/domain/errors.ts'
import { type InferenceBody, parseBody } from '../../../functions/core/inference-api/body.ts'
import { Probed } from '../../../functions/worker/probe-report.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'
import { adviceOn } from './probe-advice.ts'

/** All facts about one call to a model, and advice about changes of pipeline.yaml. */
export interface ModelProbe extends Probed {
  readonly model: string
  readonly verdict: 'ok' | 'retry' | 'drop' | 'halt'
  readonly advice: readonly string[]
}

const DEFAULT_BODY = { prompt: 'Say hello.', parameters: { max_tokens: 64 } }

/**
 * Lets the worker of a model call the model once, as for a request with this body. So the probe uses the same network,
 * secret and permissions as the calls of requests. Throws `Refusal` for a model that does not exist, for a body that a post or
 * this model would not get, and if the worker can't be invoked.
 */
export async function probeModel(
  { models, invokeWorker, ids, clock }: Pick<Admin, 'models' | 'invokeWorker' | 'ids' | 'clock'>,
  model: string,
  body: Readonly<Record<string, unknown>> = DEFAULT_BODY,
): Promise<ModelProbe> {
  if (!Object.hasOwn(models, model))
    throw new Refusal(`there is no model ${model}: the models are ${Object.keys(models).join(', ')}`)
  const probe = { body: checkBody(model, body), request_id: ids.request(clock()) }
  const probed = Probed.parse(await invokeWorker(model, { probe }))
  return { model, verdict: probed.failure?.verdict ?? 'ok', ...probed, advice: adviceOn(model, probed) }
}

/** Checks a body as `POST /v1/inference` does, and returns the fields that the model's mappings get. */
function checkBody(model: string, body: Readonly<Record<string, unknown>>): InferenceBody {
  const checked = parsed(body)
  if (checked.model === undefined || checked.model === model) return checked
  throw new Refusal(`the body names the model ${checked.model}, and the command ${model}: name the same model in both`)
}

function parsed(body: Readonly<Record<string, unknown>>): InferenceBody {
  try {
    return parseBody(JSON.stringify(body))
  } catch (error) {
    if (error instanceof RequestError)
      throw new Refusal(`POST /v1/inference would refuse this body: ${error.message}`, { cause: error })
    throw error
  }
}
