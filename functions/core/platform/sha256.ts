import { createHash, createHmac, createSecretKey, type Hash, type Hmac } from 'node:crypto'

/**
 * Computes SHA-256, or the HMAC if it gets a secret, as the SDK's own class does. This class is faster, because it
 * converts the secret to a key object: Node takes three times as long for an HMAC whose secret is an array of bytes.
 */
export class Sha256 {
  readonly #secret: Secret | undefined
  #hash: Hash | Hmac

  constructor(secret?: Secret) {
    this.#secret = secret
    this.#hash = this.#start()
  }

  update(data: Uint8Array): void {
    this.#hash.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {
    this.#hash = this.#start()
  }

  #start(): Hash | Hmac {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', keyOf(this.#secret))
  }
}

type Secret = string | ArrayBuffer | ArrayBufferView

function keyOf(secret: Secret) {
  if (typeof secret === 'string') return createSecretKey(secret, 'utf8')
  if (!ArrayBuffer.isView(secret)) return createSecretKey(Buffer.from(secret))
  return createSecretKey(Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength))
}
