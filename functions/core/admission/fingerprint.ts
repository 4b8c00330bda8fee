import { createHash } from 'node:crypto'
import type { Operation } from '../domain/operation.ts'

/**
 * Version 0.1.0 hashed a body with these fields first, in this order. This version does the same, so most bodies have
 * the same fingerprint in both versions. Then a client's retry gets its request even if the deployment was rolled back
 * in between.
 */
const FIRST = ['prompt', 'model_type', 'model', 'parameters', 'priority', 'metadata']

type Body = Readonly<Record<string, unknown>>

/**
 * Returns the SHA-256 of a body as a JSON value, in hex. The order of an object's fields does not change the
 * fingerprint. The operation of the OpenAI API is a part of the hash, because the same body means different requests in
 * different operations. So a retry with the same Idempotency-Key never gets the answer of another operation.
 */
export const fingerprintOf = (body: Body, operation?: Operation): string =>
  sha256(
    Object.fromEntries(
      Object.entries(operation === undefined ? body : { ...body, operation })
        .sort(byRank)
        .map(([field, value]) => [field, sorted(value)]),
    ),
  )

/**
 * Returns whether a fingerprint belongs to a body. Except for the fields in `FIRST`, version 0.1.0 hashed fields in the
 * order in which the client sent them. After an upgrade, idempotency keys and items still have these fingerprints. So a
 * fingerprint of version 0.1.0 is accepted, too. Otherwise a client's retry after an upgrade would be refused as a call
 * with another body.
 */
export const isFingerprintOf = (fingerprint: string, body: Body, operation?: Operation): boolean =>
  fingerprint === fingerprintOf(body, operation) || (operation === undefined && fingerprint === sha256(body))

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

type Field = readonly [name: string, value: unknown]

const byName = ([a]: Field, [b]: Field): number => (a < b ? -1 : 1)
const byRank = (a: Field, b: Field): number => rank(a) - rank(b) || byName(a, b)
const rank = ([name]: Field): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length)

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(byName)
      .map(([name, child]) => [name, sorted(child)]),
  )
}
