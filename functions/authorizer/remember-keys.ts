import { KEY_CACHE_MS } from '../core/domain/timing.ts'
import type { Clock } from '../core/platform/clock.ts'
import { hashKey, isWellFormedKey } from '../core/stores/access/key.ts'
import type { Access, UserRecord } from '../core/stores/access/port.ts'
import { authorize } from './authorize.ts'

/** Returns the user of a key, or undefined for a key that is refused. Rejects with `Unavailable` if the service can't be reached. */
export type Authorized = (key: string) => Promise<UserRecord | undefined>

/**
 * The most accepted keys, and the most refused keys, that are remembered. If there are more, the oldest key is
 * forgotten, and its next call needs two reads again.
 */
const MAX_KEYS = 10_000

interface Verdict {
  readonly user: UserRecord | undefined
  readonly until: number
}

/**
 * Looks keys up, and remembers each verdict for a minute, by the hash of the key. So a revocation takes effect within a
 * minute, and a busy key needs two reads per minute and environment. Refused keys have their own map, so that many
 * invented keys do not push out the valid ones. A look-up that failed because of an outage is not remembered, so the
 * next call tries again.
 */
export function rememberKeys(access: Access, clock: Clock, maxKeys = MAX_KEYS): Authorized {
  const accepted = new Map<string, Verdict>()
  const refused = new Map<string, Verdict>()
  /** The look-ups that are running. Simultaneous calls with the same key share one look-up. */
  const asked = new Map<string, Promise<UserRecord | undefined>>()

  async function lookUp(key: string, hash: string, now: number): Promise<UserRecord | undefined> {
    const user = await authorize(access, key, now)
    const verdicts = user ? accepted : refused
    verdicts.delete(hash)
    const [oldest] = verdicts.keys()
    if (verdicts.size >= maxKeys && oldest !== undefined) verdicts.delete(oldest)
    verdicts.set(hash, { user, until: now + KEY_CACHE_MS })
    return user
  }

  return async key => {
    if (!isWellFormedKey(key)) return undefined
    const hash = hashKey(key)
    // The time is read before the look-up, so that a key that is revoked during the look-up is not accepted for longer
    // than a minute.
    const now = clock()
    const known = [accepted.get(hash), refused.get(hash)].find(verdict => verdict && verdict.until > now)
    if (known) return known.user
    const lookedUp = asked.get(hash) ?? lookUp(key, hash, now).finally(() => asked.delete(hash))
    asked.set(hash, lookedUp)
    return lookedUp
  }
}
