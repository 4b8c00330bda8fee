import { httpEndpoint } from '../../functions/core/inference/http-endpoint.ts'
import { createJudge } from '../../functions/core/inference/judge.ts'
import { createMappings } from '../../functions/core/inference/mapping.ts'
import { parsePipeline } from '../../lib/config/load.ts'
import type { Model } from '../../lib/config/model-schema.ts'
import type { Provider } from '../../lib/config/providers/index.ts'

const PIPELINE = `
quotas: { default_plan: free, plans: { free: { requests: 9, tokens: 9999, in_flight: 9, priorities: [normal] } } }
routing: [{ model: text }]
models:
  text: `

/** Parses a pipeline file whose model `text` has these fields, and returns the model. */
export function modelOf(fields: object): Model {
  const { text } = parsePipeline(PIPELINE + JSON.stringify(fields), {}, 'p.yaml').models
  if (!text) throw new Error('the file has a model')
  return text
}

/** The secret of a model with `auth: { secret: … }`. */
export const SECRET = 'sk-of-the-account'

/** Calls a model of this provider as a worker does. */
export function callerOf(provider: Provider, endpoint: object, more: object = {}) {
  const model = modelOf({ provider, endpoint, ...more })
  const { url, timeout, headers, auth } = model.endpoint
  const { attempts, period, max_backoff, ...rules } = model.retry
  const http = httpEndpoint({ url, timeout_ms: timeout, headers, auth }, async () => SECRET)
  const retry = { attempts, period_ms: period, max_backoff_ms: max_backoff, ...rules }
  const judge = createJudge({ retry, has_secret: auth !== undefined && 'secret' in auth }, Date.now)
  const mappings = createMappings(model)
  return {
    /** Makes the model call for this body of a client, and returns the verdict on the answer. */
    call: async (body: Record<string, unknown>) => {
      const toSend = await mappings.request({ body, user_id: 'ann', request_id: 'r1', attempt: 1 })
      return judge.call(await http.call('r1', toSend))
    },
    read: mappings.response,
  }
}
