import { describe, expect, it } from 'vitest'
import { planOf, QuotaSettings } from '../../../../../functions/core/domain/quota-settings.ts'
import { DEFAULT_RATE } from '../../../../../functions/core/domain/rate.ts'

const free = { requests: 1, tokens: 1, in_flight: 1, priorities: ['normal' as const], shards: 1, rate: DEFAULT_RATE }
const pro = { ...free, requests: 9 }
const settings: QuotaSettings = { window: 'day', default_plan: 'free', plans: { free, pro } }

describe('QuotaSettings', () => {
  it('has the default rate for a plan that an older version has stored without a rate', () => {
    const { rate: _, ...old } = free

    expect(QuotaSettings.parse({ ...settings, plans: { free: old } }).plans.free?.rate).toEqual(DEFAULT_RATE)
  })
})

describe('planOf', () => {
  it('gives the user’s own plan', () => {
    expect(planOf(settings, 'pro')).toEqual({ name: 'pro', plan: pro })
  })

  it.each(['gone', '', 'constructor', '__proto__'])(
    'gives the default plan if the named plan does not exist: "%s"',
    name => {
      expect(planOf(settings, name)).toEqual({ name: 'free', plan: free })
    },
  )
})
