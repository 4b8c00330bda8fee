import { describe, expect, it } from 'vitest'
import { createRouter } from '../../../../../functions/core/admission/route.ts'
import { RequestError } from '../../../../../functions/core/domain/errors.ts'
import { aSubmission, SETTINGS } from '../../../../support/gateway.ts'

const ann = { user_id: 'ann', plan: 'free', models: SETTINGS.models }
const route = createRouter(SETTINGS)
const routeBy = (when: string) => createRouter({ ...SETTINGS, routing: [{ when, model: 'image' }, { model: 'text' }] })

describe('createRouter', () => {
  it.each([
    { submission: {}, model: 'text' },
    { submission: { model_type: 'image' }, model: 'image' },
    { submission: { model_type: 'other' }, model: 'text' },
    { submission: { model_type: 'image', model: 'text' }, model: 'text' },
  ])('sends $submission to $model', async ({ submission, model }) => {
    expect(await route(aSubmission(submission), ann)).toBe(model)
  })

  it.each(['gone', '', 'constructor', 'Text'])('refuses the unknown model "%s", and lists the models', async model => {
    await expect(route(aSubmission({ model }), ann)).rejects.toMatchObject({
      code: 'unknown_model',
      message: `there is no model "${model}"; there are text, image`,
    })
  })

  it.each([
    { when: 'tier', submission: { tier: 'gold' }, model: 'image' },
    { when: 'tier', submission: { tier: '' }, model: 'text' },
    { when: 'tier', submission: {}, model: 'text' },
    { when: 'list[$ > 5]', submission: { list: [1, 9] }, model: 'image' },
    { when: 'size > 5 and size < 9', submission: { size: 7 }, model: 'image' },
    { when: 'size > 5 or true', submission: {}, model: 'image' },
    { when: 'tags', submission: { tags: [] }, model: 'text' },
    { when: 'tags', submission: { tags: [0, ''] }, model: 'text' },
    { when: 'tags', submission: { tags: [0, 'new'] }, model: 'image' },
    { when: 'parameters', submission: { parameters: {} }, model: 'text' },
    { when: 'parameters', submission: { parameters: { max_tokens: 0 } }, model: 'image' },
    { when: 'size', submission: { size: 0 }, model: 'text' },
    { when: 'flag', submission: { flag: null }, model: 'text' },
    { when: 'flag', submission: { flag: 'false' }, model: 'image' },
    { when: '$sum', submission: {}, model: 'text' },
    { when: '$contains(prompt, /draw (a|an)/i)', submission: { prompt: 'Draw a cat' }, model: 'image' },
    { when: '$base64decode(tier) = "é"', submission: { tier: 'w6k=' }, model: 'image' },
    { when: 'user_id = "ann"', submission: {}, model: 'image' },
    { when: 'plan = "free"', submission: {}, model: 'image' },
  ])(
    'chooses $model for $submission: the rule "$when" holds if JSONata’s $boolean converts its value to true',
    async ({ when, submission, model }) => {
      expect(await routeBy(when)(aSubmission(submission), ann)).toBe(model)
    },
  )

  it.each([
    { what: 'fails', when: '$number(size) > 5', message: "fails with JSONata's error D3030" },
    { what: 'loops', when: '( $f := function() { $f() }; $f() )', message: 'takes over 200 ms' },
    { what: 'calls itself too deep', when: '( $f := function() { 1 + $f() }; $f() )', message: /D1011/ },
    { what: 'has a regular expression without end', when: 'size ~> /^(\\w+\\s?)+$/', message: 'takes over 200 ms' },
  ])('refuses a request for which a routing rule $what, and names the rule in the error', async ({ when, message }) => {
    const route = createRouter({
      ...SETTINGS,
      routing: [{ when: 'false', model: 'text' }, { when, model: 'image' }, { model: 'text' }],
    })
    const routed = route(aSubmission({ size: `secret ${'words '.repeat(20)}!` }), ann)

    await expect(routed).rejects.toThrow(RequestError)
    await expect(routed).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'routing[1].when cannot be evaluated for this request',
      details: { problems: [{ path: 'routing[1].when', message: expect.stringMatching(message) }] },
    })
    await expect(routed.catch((error: RequestError) => JSON.stringify(error.details))).resolves.not.toContain('secret')
  })

  it.each([
    { when: 'user_id = "vip"', body: { user_id: 'vip' } },
    { when: 'plan = "gold"', body: { plan: 'gold' } },
    { when: '$$.user_id = "vip" or $lookup($, "plan") = "gold"', body: { user_id: 'vip', plan: 'gold' } },
    { when: '"vip" in user_id', body: { user_id: ['vip'] } },
  ])(
    'evaluates "$when" with the user and plan of the API key, not with a user_id or plan in the body',
    async ({ when, body }) => {
      expect(await routeBy(when)(aSubmission(body), ann)).toBe('text')
      expect(await routeBy(when)(aSubmission(), { ...ann, user_id: 'vip', plan: 'gold' })).toBe('image')
    },
  )

  it('the error for an unknown model lists only the models that the plan allows', async () => {
    await expect(route(aSubmission({ model: 'gone' }), { ...ann, models: ['text'] })).rejects.toMatchObject({
      code: 'unknown_model',
      message: 'there is no model "gone"; there are text',
    })
  })

  it('evaluates no routing rule for a request that names its model', async () => {
    expect(await routeBy('$error("never")')(aSubmission({ model: 'text' }), ann)).toBe('text')
  })

  it('treats a body with the fields of JSONata’s internal values (_jsonata_lambda) as plain data', async () => {
    const looksLikeAFunction = { _jsonata_lambda: true, body: {}, arguments: [], environment: {} }

    expect(await route(aSubmission({ model_type: undefined, extra: looksLikeAFunction }), ann)).toBe('text')
  })
})
