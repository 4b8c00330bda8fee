import { describe, expect, it } from 'vitest'
import { createEstimator } from '../../../../functions/core/admission/estimate.ts'
import { compileExpression, needsThread } from '../../../../functions/core/expressions/expression.ts'
import { checkMapping } from '../../../../lib/config/mapping.ts'
import { PROFILES, PROVIDERS, type Provider } from '../../../../lib/config/providers/index.ts'
import { aSubmission } from '../../../support/gateway.ts'
import { modelOf } from '../../../support/provider.ts'

const ann = { user_id: 'ann', plan: 'free' }

/** All expressions of a model with this provider. */
function expressionsOf(provider: Provider): { key: string; source: string }[] {
  const { request, response, estimate, retry } = modelOf({
    provider,
    endpoint: { url: 'http://127.0.0.1:1' },
    model: 'm',
  })
  const { halt_when, drop_when, backoff_when } = retry
  const all = { request, response, estimate, halt_when, drop_when, backoff_when }
  return Object.entries(all).flatMap(([key, source]) => (source === undefined ? [] : [{ key, source }]))
}

describe.each(PROVIDERS)('the profile %s', provider => {
  it('the profile has a title, a description and addresses of the provider’s documentation', () => {
    const { title, serves, notes, sources } = PROFILES[provider]

    expect([title, serves, ...notes, ...sources].filter(text => text.trim() === '')).toEqual([])
    expect(sources.every(source => URL.canParse(source))).toBe(true)
  })

  it.each(expressionsOf(provider))(
    'the profile has a valid $key that is evaluated without a separate thread',
    ({ source }) => {
      expect(checkMapping(source)).toBeUndefined()
      expect(needsThread(source)).toBe(false)
    },
  )

  it.each(expressionsOf(provider).filter(({ key }) => key.endsWith('_when')))(
    'the profile has a $key that can be evaluated for any answer, and is false for ordinary answers',
    async ({ source }) => {
      const holds = compileExpression(`$boolean((${source}))`)
      const bodies = [
        undefined,
        null,
        '',
        'a page',
        1,
        true,
        [],
        {},
        { error: null },
        { error: '' },
        { choices: [{ message: {} }] },
      ]
      const oddities = [
        { error: { code: {}, message: 7, type: [] } },
        { error: [] },
        { choices: {} },
        { error_type: {} },
        [[]],
      ]
      const evaluate = (body: unknown, status = 200) => holds({ status, headers: {}, body })

      expect(await Promise.all(bodies.map(body => evaluate(body)))).toEqual(bodies.map(() => false))
      for (const body of [...bodies, ...oddities]) for (const status of [200, 400, 500]) await evaluate(body, status)
    },
  )

  it('the profile reserves for a request with a prompt the same estimate as a model without a profile', async () => {
    const { estimate = 'nothing' } = modelOf({ provider, endpoint: { url: 'http://127.0.0.1:1' }, model: 'm' })
    const own = createEstimator({ estimates: { text: estimate } })
    const usual = createEstimator({})
    for (const fields of [
      {},
      { parameters: { max_tokens: 7, n: 3 } },
      { max_output_tokens: 9 },
      { messages: null },
      { messages: [] },
      { messages: [{}] },
    ])
      expect(await own('text', aSubmission(fields), ann)).toBe(await usual('text', aSubmission(fields), ann))
  })
})

describe('the estimate of a chat', () => {
  const { estimate = '' } = modelOf({ provider: 'openai', endpoint: { url: 'http://127.0.0.1:1' } })
  const tokens = (fields: object) =>
    createEstimator({ estimates: { text: estimate } })('text', aSubmission(fields), ann)
  const content = '四'.repeat(40)

  it.each([
    { what: 'twice its texts, by bytes', fields: { messages: [{ role: 'user', content }] }, expected: 60 },
    {
      what: 'the texts of parts, and a flat amount per picture, whatever its size',
      fields: {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: content },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(3_000_000)}` } },
            ],
          },
        ],
        parameters: { max_tokens: 5 },
      },
      expected: 1_035,
    },
    {
      what: 'the largest bound of the output, for each answer',
      fields: { messages: [{ content }], parameters: { max_tokens: 5, max_completion_tokens: 50, n: 3 } },
      expected: 180,
    },
    {
      what: 'the system text of the parameters',
      fields: { messages: [{ content: '' }], parameters: { system: content, max_tokens: 0 } },
      expected: 30,
    },
    { what: 'nothing more for a bound of null', fields: { messages: [{ content }], max_tokens: null }, expected: 60 },
  ])('the estimate of a chat is $what', async ({ fields, expected }) => {
    expect(await tokens(fields)).toBe(expected)
  })
})
