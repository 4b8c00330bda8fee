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
 * secret and permissions as the calls of requests. Throws `Refusal` for a model that does not exist, and if the worker can't be invoked.
 */
export async function probeModel(
  { models, invokeWorker, ids, clock }: Pick<Admin, 'models' | 'invokeWorker' | 'ids' | 'clock'>,
  model: string,
  body: Readonly<Record<string, unknown>> = DEFAULT_BODY,
): Promise<ModelProbe> {
  if (!Object.hasOwn(models, model))
    throw new Refusal(`there is no model ${model}: the models are ${Object.keys(models).join(', ')}`)
  const probed = Probed.parse(await invokeWorker(model, { probe: { body, request_id: ids.request(clock()) } }))
  return { model, verdict: probed.failure?.verdict ?? 'ok', ...probed, advice: adviceOn(model, probed) }
}
