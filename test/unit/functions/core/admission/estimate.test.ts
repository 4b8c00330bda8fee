import { describe, expect, it } from 'vitest'
import { createEstimator } from '../../../../../functions/core/admission/estimate.ts'
import { prepare } from '../../../../../functions/core/admission/prepare.ts'
import { submitRequest } from '../../../../../functions/gateway/submit-request.ts'
import { aCaller, aSubmission, route, SETTINGS, usedBy } from '../../../../support/gateway.ts'
import { memoryPorts } from '../../../../support/ports.ts'

const ann = { user_id: 'ann', plan: 'free' }
const estimateBy = (estimate: string) => createEstimator({ estimates: { text: estimate } })

describe('createEstimator', () => {
  it.each([
    { estimate: '100', tokens: 100 },
    { estimate: '0', tokens: 0 },
    { estimate: '$length(prompt) / 2', tokens: 3 },
    { estimate: '$ceil($bytes(prompt) / 3) + 1000 * $count(images)', fields: { images: ['a', 'b'] }, tokens: 2_002 },
    { estimate: 'parameters.max_tokens * 2', fields: { parameters: { max_tokens: 7 } }, tokens: 14 },
    { estimate: 'user_id = "ann" and plan = "free" ? 9 : 1', fields: { user_id: 'bob', plan: 'pro' }, tokens: 9 },
    { estimate: '$count($split(prompt, /l/))', tokens: 3 },
  ])('reserves the value of "$estimate", rounded up', async ({ estimate, fields, tokens }) => {
    expect(await estimateBy(estimate)('text', aSubmission(fields), ann)).toBe(tokens)
  })

  it.each(['nothing', 'null', 'images ? 1000'])(
    'reserves the usual estimate if the expression "%s" has no value',
    async estimate => {
      expect(await estimateBy(estimate)('text', aSubmission({ parameters: { max_tokens: 7 } }), ann)).toBe(9)
    },
  )

  it('reserves the usual estimate for a model without an expression', async () => {
    expect(await estimateBy('100')('image', aSubmission(), ann)).toBe(4)
  })

  it.each([
    { estimate: '-1', message: 'gives no number from 0 to 1000000000000' },
    { estimate: '1e13', message: 'gives no number from 0 to 1000000000000' },
    { estimate: '"12"', message: 'gives no number from 0 to 1000000000000' },
    { estimate: '[1, 2]', message: 'gives no number from 0 to 1000000000000' },
    { estimate: 'true', message: 'gives no number from 0 to 1000000000000' },
    { estimate: '$sqrt(-1)', message: /^fails/ },
    { estimate: '$number(prompt)', message: "fails with JSONata's error D3030" },
    { estimate: 'prompt ~> /^(\\w+\\s?)+$/', fields: { prompt: `${'a'.repeat(40)}!` }, message: 'takes over 200 ms' },
  ])(
    'refuses a request for which "$estimate" is no number of tokens, and gives the reason',
    async ({ estimate, fields, message }) => {
      const refused = await estimateBy(estimate)('text', aSubmission(fields), ann).catch((error: unknown) => error)

      expect(refused).toMatchObject({
        code: 'invalid_request',
        message: 'models.text.estimate cannot be evaluated for this request',
        details: {
          problems: [
            {
              path: 'models.text.estimate',
              message: typeof message === 'string' ? message : expect.stringMatching(message),
            },
          ],
        },
      })
    },
  )
})

describe('a request of a model with its own `estimate` rule', () => {
  const portsWith = (estimate: string) => ({ ...memoryPorts(), estimate: estimateBy(estimate) })

  it('reserves the tokens that the rule gives', async () => {
    const ports = portsWith('$length(prompt) * 10')
    const caller = aCaller()

    const prepared = await prepare(ports, SETTINGS, route, caller, aSubmission())
    await submitRequest(ports, prepared)

    expect(prepared.request.estimate).toBe(50)
    expect(await usedBy(ports, caller.user_id)).toMatchObject({ tokens: 50 })
  })

  it('a request that is refused because of its estimate reserves nothing', async () => {
    const ports = portsWith('-1')
    const caller = aCaller()

    const prepared = await prepare(ports, SETTINGS, route, caller, aSubmission())

    await expect(submitRequest(ports, prepared)).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await usedBy(ports, caller.user_id)).toEqual({ requests: 0, tokens: 0, open: 0 })
  })

  it('a request for a model that the plan forbids is refused before the estimate is evaluated, since an error of the estimate would reveal the model', async () => {
    const ports = { ...memoryPorts(), estimate: createEstimator({ estimates: { image: '-1' } }) }

    const { refusal } = await prepare(
      ports,
      SETTINGS,
      route,
      aCaller({ plan: 'texts' }),
      aSubmission({ model_type: 'image' }),
    )

    expect(refusal).toMatchObject({ code: 'model_not_allowed', message: expect.not.stringContaining('image') })
  })
})
