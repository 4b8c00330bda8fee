import * as z from 'zod'
import type { Admin } from '../admin.ts'
import { type Answered, type Caller, callApi } from '../call-api.ts'
import { Refusal } from '../refusal.ts'
import { withKey } from './keys.ts'
import { apiUrlOf } from './post-request.ts'

/** A request to submit for a user. */
export interface Submission {
  readonly user: string
  readonly prompt: string
  readonly model?: string | undefined
  readonly priority?: 'high' | 'normal' | undefined
  /** Whether to wait for the end of the request. */
  readonly wait?: boolean | undefined
}

/** The answer of the API about the request. */
export type Submitted = z.infer<typeof Submitted>
const Submitted = z.looseObject({ request_id: z.string(), status: z.string() })

const ApiError = z.object({ error: z.string(), code: z.string().optional() })

/** The lifetime of the key, in milliseconds: the longest time for which the command waits for a request. */
const KEY_LIFETIME_MS = 3_600_000
const WAIT_SECONDS = 10
const PAUSE_MS = 1_000
const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'expired'])

type Ports = Pick<Admin, 'access' | 'quotas' | 'clock' | 'sleep' | 'apiUrl'>

/**
 * Posts a request for a user with a new key, which is deleted afterwards. The request is admitted and charged like any
 * other request of this user. `told` is called with the answer to the post. Throws `Refusal` if the API refuses it, and
 * `Unavailable`.
 */
export async function submitRequest(
  ports: Ports,
  { user, prompt, model, priority, wait }: Submission,
  told: (accepted: Submitted) => void = () => {},
): Promise<Submitted> {
  const apiUrl = apiUrlOf(ports)
  return withKey(ports, { user, expires_in: KEY_LIFETIME_MS }, async key => {
    const caller = { apiUrl, key }
    const body = { prompt, ...(model !== undefined && { model }), ...(priority && { priority }) }
    const accepted = submittedIn(await callApi(caller, '/v1/inference', body))
    told(accepted)
    return wait ? await ended(ports, caller, accepted.request_id) : accepted
  })
}

async function ended(ports: Ports, caller: Caller, id: string): Promise<Submitted> {
  for (const until = ports.clock() + KEY_LIFETIME_MS; ports.clock() < until; await ports.sleep(PAUSE_MS)) {
    const view = submittedIn(await callApi(caller, `/v1/inference/${id}?wait=${WAIT_SECONDS}`))
    if (ENDED.has(view.status)) return view
  }
  throw new Refusal(`the request ${id} has not ended within an hour: requests show ${id} says why`)
}

function submittedIn(answer: Answered): Submitted {
  if (typeof answer === 'string') throw new Refusal(answer)
  const { data } = Submitted.safeParse(answer.body)
  if (data && answer.status < 300) return data
  const refused = ApiError.safeParse(answer.body).data
  throw new Refusal(
    refused ? `the API answered ${answer.status}: ${refused.error}` : `the API answered ${answer.status}`,
  )
}
