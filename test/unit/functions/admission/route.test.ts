import { describe, expect, it } from 'vitest'
import { createRouter } from '../../../../functions/admission/route.ts'
import { ApiError } from '../../../../functions/requests/errors.ts'
import { aSubmission, SETTINGS } from '../../../support/gateway.ts'

const route = createRouter(SETTINGS)
const routeBy = (when: string) => createRouter({ ...SETTINGS, routing: [{ when, model: 'image' }, { model: 'text' }] })

describe('createRouter', () => {
  it.each([
    { submission: {}, model: 'text' },
    { submission: { model_type: 'image' }, model: 'image' },
    { submission: { model_type: 'other' }, model: 'text' },
    { submission: { model_type: 'image', model: 'text' }, model: 'text' },
  ])('sends $submission to $model', async ({ submission, model }) => {
    expect(await route(aSubmission(submission))).toBe(model)
  })

  it.each(['gone', '', 'constructor', 'Text'])('knows no model "%s", and says which there are', async model => {
    await expect(route(aSubmission({ model }))).rejects.toMatchObject({
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
  ])('takes "$when" over $submission for what JSONata holds true', async ({ when, submission, model }) => {
    expect(await routeBy(when)(aSubmission(submission))).toBe(model)
  })

  it('refuses a request that a rule can’t be evaluated for, instead of sending it just anywhere', async () => {
    const routed = routeBy('$number(size) > 5')(aSubmission({ size: 'secret words' }))

    await expect(routed).rejects.toThrow(ApiError)
    await expect(routed).rejects.toMatchObject({ code: 'invalid_request', body: { details: [expect.anything()] } })
    await expect(routed).rejects.not.toThrow('secret')
  })

  it('is not fooled by a body that looks like JSONata’s own values', async () => {
    const looksLikeAFunction = { _jsonata_lambda: true, body: {}, arguments: [], environment: {} }

    expect(await route(aSubmission({ model_type: undefined, extra: looksLikeAFunction }))).toBe('text')
  })
})
