import { randomBytes } from 'node:crypto'
import { v7 } from 'uuid'

/** Makes new ids. Code that needs ids gets this as a parameter, so that a simulation can make predictable ids. */
export interface Ids {
  /** Returns a UUIDv7 of the time given, in epoch milliseconds. */
  request(now: number): string
  /** Returns eight random characters, which distinguish one reservation or claim from others of the same request. */
  nonce(): string
}

export const randomIds: Ids = {
  request: now => v7({ msecs: now }),
  nonce: () => randomBytes(6).toString('base64url'),
}
