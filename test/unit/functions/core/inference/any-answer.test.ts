import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createJudge } from '../../../../../functions/core/inference/judge.ts'
import { createMappings, MappingError } from '../../../../../functions/core/inference/mapping.ts'
import type { Answered } from '../../../../../functions/core/inference/port.ts'
import { readBody } from '../../../../../functions/core/inference/read-body.ts'
import { NOW } from '../../../../support/clock.ts'
import { aRetry } from '../../../../support/failures.ts'

const CONDITIONS = {
  halt_when: 'body.error.code = "insufficient_quota"',
  drop_when: 'status = 500 and $contains(body.error.message, "Context size")',
  backoff_when: '$exists(body.error) and body.error != false',
}
const mappings = createMappings({ request: 'prompt', response: '{ "result": result, "usage": usage }' })
const judges = [{}, CONDITIONS].map(conditions =>
  createJudge({ retry: aRetry(conditions), has_secret: true, outputs: 'data' }, () => NOW),
)

const aText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('a\u0000b', '\ud800', '<html>', 'data: {}', 'insufficient_quota', '', 'Loading model'),
)
const aCount = fc.oneof(fc.nat(), fc.double(), fc.constant(null), aText, fc.integer())
const aUsage = fc.oneof(
  fc.record(
    { prompt_tokens: aCount, completion_tokens: aCount, total_tokens: aCount, output_tokens: aCount },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
)
const anAnswer = fc.oneof(
  fc.record(
    { result: fc.oneof(aText, fc.jsonValue()), usage: aUsage, error: fc.oneof(fc.jsonValue(), aText), extra: aText },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
)
const someBytes = fc.oneof(
  anAnswer.map(value => Buffer.from(JSON.stringify(value))),
  anAnswer.map(value => Buffer.from(JSON.stringify(value).replace(/\d+/, '1e400'))),
  fc.uint8Array(),
  aText.map(text => Buffer.from(text)),
)
const aHeader = fc.constantFrom('retry-after', 'retry-after-ms', 'location', 'content-type', 'content-encoding', 'x')
const someHeaders = fc.dictionary(aHeader, fc.oneof(aText, fc.constantFrom('gzip', 'text/html', 'application/json')))
const aStatus = fc.oneof(fc.integer({ min: 200, max: 599 }), fc.constantFrom(200, 202, 204, 401, 403, 429, 500, 503))
const aReply = fc.record({ bytes: someBytes, status: aStatus, headers: someHeaders })

const replyOf = async ({
  bytes,
  status,
  headers,
}: {
  bytes: Uint8Array
  status: number
  headers: Record<string, string>
}): Promise<Answered> => ({
  kind: 'answered',
  url: 'https://model.example',
  status,
  headers,
  content_type: headers['content-type'],
  body: await readBody(bytes, headers),
})

it('any answer of a model gets a verdict, whose error texts have at most 500 well-formed characters and whose wait is not negative', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...judges), aReply, fc.integer({ min: 1, max: 3 }), async (judge, given, size) => {
      const reply = await replyOf(given)
      const outputs = await judge.batch(reply, size)
      for (const answer of [await judge.call(reply), ...(outputs.ok ? outputs.outputs : [outputs])]) {
        if (answer.ok) continue
        const { message, detail = '', retry_after_ms = 0 } = answer
        expect(message.isWellFormed() && detail.isWellFormed()).toBe(true)
        expect(`${message}${detail}`).not.toContain('\u0000')
        expect(message.length).toBeLessThanOrEqual(500)
        expect(detail.length).toBeLessThanOrEqual(500)
        expect(retry_after_ms).toBeGreaterThanOrEqual(0)
      }
    }),
    { numRuns: 400 },
  )
})

/** Whether a successful answer has a result that can be stored. */
const hasResult = (value: unknown): value is { result: unknown; usage?: unknown } =>
  typeof value === 'object' && value !== null && 'result' in value && value.result !== null && isKept(value.result)

/** Sluice refuses a result with a field `__proto__`, since JavaScript would drop the field. */
const isKept = (result: unknown): boolean => !JSON.stringify(result).includes('"__proto__"')

it('a readable result is never lost, and a request is charged at least the tokens that the model reported', async () => {
  const [judge] = judges
  await fc.assert(
    fc.asyncProperty(anAnswer, fc.constantFrom(200, 201, 299), async (value, status) => {
      const answer = await judge?.call(
        await replyOf({ bytes: Buffer.from(JSON.stringify(value)), status, headers: {} }),
      )
      if (!answer?.ok) throw new Error(`it is no success: ${answer?.message}`)
      const mapped = await mappings.response(answer.answer).catch((error: unknown) => error)
      if (mapped instanceof Error) {
        expect(mapped).toBeInstanceOf(MappingError)
        expect(hasResult(value)).toBe(false)
        return
      }
      for (const reported of reportedIn(value))
        expect((mapped as { usage?: { total_tokens: number } }).usage?.total_tokens ?? 0).toBeGreaterThanOrEqual(
          reported,
        )
    }),
    { numRuns: 400 },
  )
})

function reportedIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null || !('usage' in value)) return []
  const { usage } = value
  if (typeof usage !== 'object' || usage === null || Array.isArray(usage)) return []
  const fields = new Map<string, unknown>(Object.entries(usage))
  return ['prompt_tokens', 'completion_tokens', 'total_tokens']
    .map(name => fields.get(name))
    .filter(count => typeof count === 'number')
    .filter(count => count >= 0 && count <= 1e12)
}
