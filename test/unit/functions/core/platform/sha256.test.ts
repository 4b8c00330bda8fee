import { Hash } from '@smithy/core/serde'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sha256 } from '../../../../../functions/core/platform/sha256.ts'

const hex = async (hash: { update(data: Uint8Array): void; digest(): Promise<Uint8Array> }, parts: Uint8Array[]) => {
  for (const part of parts) hash.update(part)
  return Buffer.from(await hash.digest()).toString('hex')
}

describe('Sha256', () => {
  it("computes the hash and the HMAC of the SDK's own class", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array()),
        fc.option(fc.oneof(fc.string({ minLength: 1 }), fc.uint8Array({ maxLength: 200 })), { nil: undefined }),
        async (parts, secret) => {
          expect(await hex(new Sha256(secret), parts)).toBe(await hex(new Hash('sha256', secret), parts))
        },
      ),
    ))

  it('accepts as secret a buffer or a part of a buffer', async () => {
    const { buffer } = new Uint8Array([1, 2, 3, 4])

    for (const secret of [buffer, new Uint8Array(buffer, 1, 2), new DataView(buffer, 2)])
      expect(await hex(new Sha256(secret), [])).toBe(await hex(new Hash('sha256', secret), []))
  })

  it('computes the hash of only the data after a reset', async () => {
    const hash = new Sha256('secret')
    hash.update(new Uint8Array([1]))
    hash.reset()

    expect(await hex(hash, [])).toBe(await hex(new Sha256('secret'), []))
  })
})
