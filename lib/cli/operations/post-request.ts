import type { Admin } from '../admin.ts'
import { callApi } from '../call-api.ts'
import { Refusal } from '../refusal.ts'
import { withKey } from './keys.ts'
import { existingUser } from './users.ts'

/** The answer of the API to a request. */
export interface Posted {
  readonly status: number
  readonly body: unknown
}

type Ports = Pick<Admin, 'access' | 'quotas' | 'clock' | 'apiUrl'>

/**
 * The lifetime of the key, in milliseconds. The key is deleted after the call. If this process dies before that, the
 * key expires by itself.
 */
const KEY_LIFETIME_MS = 60_000

/**
 * Posts a request for a user through the API, with a new key. So the user's plan and quota apply, and the request is
 * charged. Throws `Refusal` if there is no such user or the API can't be reached, and `Unavailable` if a service can't be reached.
 */
export async function postRequest(
  ports: Ports,
  { user, body }: { user: string; body: Readonly<Record<string, unknown>> },
): Promise<Posted> {
  const apiUrl = apiUrlOf(ports)
  await existingUser(ports.access, user)
  return withKey(ports, { user, expires_in: KEY_LIFETIME_MS }, async key => {
    const answer = await callApi({ apiUrl, key }, '/v1/inference', body)
    if (typeof answer === 'string') throw new Refusal(answer)
    return answer
  })
}

/** Returns the address of the API. Throws `Refusal` if the system does not name it. */
export function apiUrlOf({ apiUrl }: Pick<Admin, 'apiUrl'>): string {
  if (apiUrl !== undefined) return apiUrl
  throw new Refusal('the system does not name its API: deploy or start it again with this version of Sluice')
}
