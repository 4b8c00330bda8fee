import { RequestError } from '../../../functions/core/domain/errors.ts'
import { type FlowControlView, viewOf } from '../../../functions/core/flow-control/admin.ts'
import { type InferenceBody, parseBody } from '../../../functions/core/inference-api/body.ts'
import { ignoreUnavailable } from '../../../functions/core/platform/unavailable.ts'
import { Probed } from '../../../functions/worker/probe-report.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'
import { adviceOn } from './probe-advice.ts'

/** All facts about one call to a model, and advice about changes of pipeline.yaml. */
export interface ModelProbe extends Probed {
  readonly model: string
  readonly verdict: 'ok' | 'retry' | 'drop' | 'halt'
  /** The state that still stops the calls of requests after a right answer. A probe of an operator changes no state. */
  readonly held_by?: 'halt' | 'circuit' | 'pause' | undefined
  readonly advice: readonly string[]
}

interface Ports extends Pick<Admin, 'models' | 'invokeWorker' | 'ids' | 'clock'> {
  readonly modelStates: Pick<Admin['modelStates'], 'read'>
}

const DEFAULT_BODY = { prompt: 'Say hello.', parameters: { max_tokens: 64 } }

/**
 * Lets the worker of a model call the model once, as for a request with this body. So the probe uses the same network,
 * secret and permissions as the calls of requests. Throws `Refusal` for a model that does not exist, for a body that a post or
 * this model would not get, and if the worker can't be invoked.
 */
export async function probeModel(
  { models, modelStates, invokeWorker, ids, clock }: Ports,
  model: string,
  body: Readonly<Record<string, unknown>> = DEFAULT_BODY,
): Promise<ModelProbe> {
  if (!Object.hasOwn(models, model))
    throw new Refusal(`there is no model ${model}: the models are ${Object.keys(models).join(', ')}`)
  const probe = { body: checkBody(model, body), request_id: ids.request(clock()) }
  const probed = Probed.parse(await invokeWorker(model, { probe }))
  const advice = adviceOn(model, probed)
  if (probed.failure) return { model, verdict: probed.failure.verdict, ...probed, advice }
  // The model was called already, so its answer is shown even if its state can't be read.
  const state = await modelStates.read(model).catch(ignoreUnavailable)
  const heldBy = state && heldByOf(viewOf(state, clock(), models[model] ?? {}))
  return { model, verdict: 'ok', ...(heldBy && { held_by: heldBy }), ...probed, advice }
}

function heldByOf({ halted, circuit, paused_until }: FlowControlView): ModelProbe['held_by'] {
  if (halted) return 'halt'
  if (circuit.state === 'open') return 'circuit'
  return paused_until === undefined ? undefined : 'pause'
}

/** Checks a body as `POST /v1/inference` does, and returns the fields that the model's mappings get. */
function checkBody(model: string, body: Readonly<Record<string, unknown>>): InferenceBody {
  const checked = parsed(body)
  if (checked.model === undefined || checked.model === model) return checked
  throw new Refusal(
    `the body names the model ${checked.model}, but the command probes ${model}: name the same model in both`,
  )
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
