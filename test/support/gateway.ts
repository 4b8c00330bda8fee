import { prepare } from '../../functions/core/admission/prepare.ts'
import { createRouter } from '../../functions/core/admission/route.ts'
import type { Settings } from '../../functions/core/admission/settings.ts'
import { DEFAULT_RATE } from '../../functions/core/domain/rate.ts'
import type { Submission } from '../../functions/core/domain/submission.ts'
import { type InferenceBody, toSubmission } from '../../functions/core/inference-api/body.ts'
import type { Caller } from '../../functions/core/platform/caller.ts'
import type { GatewayPorts } from '../../functions/gateway/ports.ts'
import { submitRequest } from '../../functions/gateway/submit-request.ts'
import { newUser } from './requests.ts'

/** A pipeline with two models, two small plans, and a plan whose limits are divided among shards. */
export const SETTINGS: Settings = {
  quotas: {
    window: 'day',
    default_plan: 'free',
    plans: {
      free: { requests: 3, tokens: 1_000, in_flight: 2, priorities: ['normal'], shards: 1, rate: DEFAULT_RATE },
      texts: {
        requests: 3,
        tokens: 1_000,
        in_flight: 2,
        priorities: ['normal'],
        models: ['text'],
        shards: 1,
        rate: DEFAULT_RATE,
      },
      pro: { requests: 40, tokens: 4_000, in_flight: 8, priorities: ['high', 'normal'], shards: 4, rate: DEFAULT_RATE },
    },
  },
  routing: [{ when: 'model_type = "image"', model: 'image' }, { model: 'text' }],
  models: ['text', 'image'],
  expire_after_ms: 3_600_000,
}

export const aCaller = (fields: Partial<Caller> = {}): Caller => ({ user_id: newUser(), plan: 'free', ...fields })

/** The submission of a POST whose body has a prompt and these fields. */
export const aSubmission = (fields: Partial<InferenceBody> = {}): Submission =>
  toSubmission({ prompt: 'hello', priority: 'normal', ...fields })

/** The queue of the first model for the priority `normal`. */
export const TEXT_QUEUE = 'inference-text-normal'
export const route = createRouter(SETTINGS)

/** Submits a small request. `fields` are added to its body. */
export const submit = (ports: GatewayPorts, caller = aCaller(), fields = {}) =>
  submitWith(SETTINGS, ports, caller, fields)

/** Submits a small request to a gateway with these settings. */
export async function submitWith(settings: Settings, ports: GatewayPorts, caller: Caller, fields = {}) {
  const prepared = await prepare(ports, settings, route, caller, aSubmission(fields))
  return { ...prepared, ...(await submitRequest(ports, prepared)) }
}

/** The counters of a user in the first shard of the window in which the tests run. */
export async function usedBy({ quota }: Pick<GatewayPorts, 'quota'>, userId: string) {
  const { requests, tokens, open } = await quota.read(userId, '2026-11-23', 0)
  return { requests, tokens, open: open.length }
}
