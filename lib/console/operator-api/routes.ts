import * as z from 'zod'
import { SPANS, type Span, showOverview } from '../../cli/operations/overview.ts'
import { DEAD_LETTER_ROUTES } from './dead-letters.ts'
import { NO_BODY, NONE } from './fields.ts'
import { MODEL_ROUTES } from './models.ts'
import { REQUEST_ROUTES } from './requests.ts'
import { type Route, route } from './route.ts'
import { USER_ROUTES } from './users.ts'

const Spans = z.enum(Object.keys(SPANS) as [Span, ...Span[]])

/** All operations of the operator API. docs/operator-api.md is generated from them. */
export const ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/system',
    does: 'Shows the name, the version and the settings of the system.',
    answers: '`{ "target", "name", "version", "api_url", "window", "plans", "models" }`. `target` is `local` or `aws`.',
    params: NONE,
    query: NONE,
    body: NO_BODY,
    run: async ({ admin, target, name, version }) => ({
      target,
      name,
      version,
      api_url: admin.apiUrl,
      window: admin.quotas.window,
      plans: Object.keys(admin.quotas.plans),
      models: Object.keys(admin.models),
    }),
  }),
  route({
    method: 'GET',
    path: '/overview',
    does: 'Counts the requests that wait and run now, and the requests of a time span by their status. A request that begins or ends during the call may be counted twice.',
    answers:
      '`{ "at", "now": { "queued", "running", "dead_letters" }, "since", "made": { … }, "part_ms", "parts": [ { "at", "made", "completed", "failed", "p50_ms"?, "p95_ms"? } ] }`. `made` counts the requests that were made after `since`, by their status.',
    params: NONE,
    query: z.strictObject({ span: Spans.default('1h').describe('the time span that ends now; default 1h') }),
    body: NO_BODY,
    run: ({ admin }, { query }) => showOverview(admin, query.span),
  }),
  ...REQUEST_ROUTES,
  ...MODEL_ROUTES,
  ...USER_ROUTES,
  ...DEAD_LETTER_ROUTES,
]
