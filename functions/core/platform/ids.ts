import { randomBytes } from 'node:crypto'
import { v7 } from 'uuid'

/** Sources of new ids; passed in, so that a simulation can make them predictable. */
export interface Ids {
  /** Returns a UUIDv7 of the time given, in epoch milliseconds. */
  request(now: number): string
  /** Returns eight characters that tell one reservation or claim from another of the same request. */
  nonce(): string
}

export const randomIds: Ids = {
  request: now => v7({ msecs: now }),
  nonce: () => randomBytes(6).toString('base64url'),
}
