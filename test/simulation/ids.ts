import type { Ids } from '../../functions/core/platform/ids.ts'
import { mulberry32 } from './random.ts'

/** Creates request ids and nonces from a counter, so that a history can be repeated. Request ids have the form of UUIDv7 and sort by time. */
export function countedIds(): Ids {
  const random = mulberry32(7)
  let count = 0
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0').slice(-digits)
  return {
    request: now => {
      const time = hex(now, 12)
      return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(++count, 3)}-8000-${hex(0, 4)}${hex(Math.floor(random() * 2 ** 32), 8)}`
    },
    nonce: () => `nonce${++count}`,
  }
}
