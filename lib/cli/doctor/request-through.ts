import * as z from 'zod'
import type { Admin } from '../admin.ts'
import { type Answered, callApi } from '../call-api.ts'
import { withKey } from '../operations/keys.ts'
import { type Check, failed, ok, oneLine, warning } from './check.ts'

/** The user of the doctor's requests. These requests are recorded in the ledger like any user's requests. */
export const DOCTOR = 'sluice-doctor'

const KEY_LIFETIME_MS = 900_000
/**
 * The longest wait for the end of the request, in milliseconds. A paused database needs up to a minute, and a model
 * some seconds.
 */
const PATIENCE_MS = 120_000
const PAUSE_MS = 1_000

type Ports = Pick<Admin, 'access' | 'quotas' | 'clock' | 'sleep'>

const Accepted = z.object({ request_id: z.string() })
const View = z.object({
  status: z.string(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
})
type View = z.infer<typeof View>

/**
 * Sends one request with a new key, and waits for its end. The key is valid for minutes, and is deleted afterwards. The
 * model is called once, and the request stays in the ledger.
 */
export async function requestThrough(ports: Ports, apiUrl: string): Promise<Check> {
  return withKey(ports, { user: DOCTOR, expires_in: KEY_LIFETIME_MS }, key => send({ ports, apiUrl, key }))
}

interface Sender {
  readonly ports: Ports
  readonly apiUrl: string
  readonly key: string
}

const NAME = 'request'

async function send(sender: Sender): Promise<Check> {
  const since = sender.ports.clock()
  const posted = await callApi(sender, '/v1/inference', {
    prompt: 'Answer with one word: ok.',
    parameters: { max_tokens: 16 },
    metadata: { from: 'sluice doctor' },
  })
  if (typeof posted === 'string') return failed(NAME, posted, 'look at the API and its access log')
  const { status, body } = posted
  const code = z.object({ code: z.string() }).safeParse(body).data?.code
  if (status === 429)
    return warning(
      NAME,
      `the API refused it with 429 ${code}`,
      `the user ${DOCTOR} has used up its plan: \`npx sluice users set ${DOCTOR} --requests 1000 --tokens 1000000\``,
    )
  if (code === 'model_not_allowed')
    return warning(
      NAME,
      'no request was tried: the default plan may not use the default model',
      `give the user ${DOCTOR} a plan that may: \`npx sluice users set ${DOCTOR} --plan PLAN\``,
    )
  const accepted = Accepted.safeParse(body).data
  if (status !== 202 || !accepted)
    return failed(
      NAME,
      `the API answered ${status} ${code ?? oneLine(JSON.stringify(body))}`,
      "docs/errors.md explains the code; the function's log has the cause",
    )
  return ended(sender, accepted.request_id, since)
}

async function ended(sender: Sender, id: string, since: number): Promise<Check> {
  const { clock, sleep } = sender.ports
  const until = since + PATIENCE_MS
  for (;;) {
    const answer = await callApi(sender, `/v1/inference/${id}?wait=10`)
    const view = typeof answer === 'string' ? undefined : View.safeParse(answer.body).data
    if (view && ENDED.has(view.status)) return verdictOf(view, id, clock() - since)
    if (clock() + PAUSE_MS > until) return unfinished(view, answer, id)
    await sleep(PAUSE_MS)
  }
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'expired'])

function verdictOf({ status, error }: View, id: string, ms: number): Check {
  if (status === 'completed')
    return ok(NAME, `a request went through the API, a worker, the model and the ledger in ${(ms / 1000).toFixed(1)} s`)
  const reason = error ? `${error.code}: ${oneLine(error.message)}` : 'without a reason'
  return failed(NAME, `the request ${id} is ${status}, ${reason}`, 'docs/runbook.md#requests-fail explains the reason')
}

function unfinished(view: View | undefined, answer: Answered, id: string): Check {
  const seconds = PATIENCE_MS / 1000
  const state = view
    ? `is still ${view.status}`
    : `can't be read (${typeof answer === 'string' ? answer : answer.status})`
  const todo = '`npx sluice models list` says why requests wait'
  return failed(NAME, `after ${seconds} s the request ${id} ${state}`, todo)
}
