import * as z from 'zod'
import { Priority } from './ids.ts'
import { DEFAULT_RATE, Rate } from './rate.ts'

/** The limits of a user in one window. */
export interface Limits {
  readonly requests: number
  readonly tokens: number
  /** The most open reservations at the same time. */
  readonly in_flight: number
  /**
   * The rate at which a client may post. Absent for a redrive and for a message of an input queue, because no client
   * posts them.
   */
  readonly rate?: Rate | undefined
}

/** Returns the amounts that a user has left in a window. A used amount may be over its limit, and then nothing is left. */
export const leftOf = (limits: Pick<Limits, 'requests' | 'tokens'>, used: { requests: number; tokens: number }) => ({
  requests: Math.max(0, limits.requests - used.requests),
  tokens: Math.max(0, limits.tokens - used.tokens),
})

export const Plan = z.strictObject({
  requests: z.int().positive(),
  tokens: z.int().positive(),
  in_flight: z.int().positive(),
  priorities: z.array(Priority).min(1),
  /** The models that the plan's users may use. Without this list, they may use all models. */
  models: z.array(z.string()).min(1).optional(),
  /**
   * The number of quota items (shards) over which a user's counters are spread, so that one item need not take all
   * writes. It is 1 except for large plans.
   */
  shards: z.int().positive(),
  /**
   * The command line reads the plans from the CloudFormation outputs of the stack. The outputs of an older version have
   * no rates. Then the default rate is used.
   */
  rate: Rate.default(DEFAULT_RATE),
})
export type Plan = z.infer<typeof Plan>

/** The limits that an operator has set for one user. They replace the limits of the plan. */
export const Overrides = z.strictObject({
  requests: z.int().positive().optional(),
  tokens: z.int().positive().optional(),
  in_flight: z.int().positive().optional(),
})
export type Overrides = z.infer<typeof Overrides>

export const limitsOf = (plan: Plan, overrides: Overrides): Limits => ({
  requests: overrides.requests ?? plan.requests,
  tokens: overrides.tokens ?? plan.tokens,
  in_flight: overrides.in_flight ?? plan.in_flight,
})

const share = (total: number, shard: number, shards: number): number =>
  Math.floor(total / shards) + (shard < total % shards ? 1 : 0)

/**
 * Returns a shard's part of the limits. The remainders go to the first shards, so the sum of the parts is the whole.
 */
export const shardLimits = (limits: Limits, shard: number, shards: number): Limits => ({
  requests: share(limits.requests, shard, shards),
  tokens: share(limits.tokens, shard, shards),
  in_flight: share(limits.in_flight, shard, shards),
  rate: limits.rate && { ...limits.rate, count: share(limits.rate.count, shard, shards) },
})

/**
 * Returns the shards in which a reservation is tried, in this order, and at most `tries` of them. The id of a request
 * decides the first shard. So a repeated admission of the request first tries the same shard again, and finds its own
 * reservation there. Otherwise the request could be reserved twice.
 */
export function shardOrder(requestId: string, shards: number, tries: number): number[] {
  const first = Number.parseInt(requestId.slice(-8), 16) % shards
  return Array.from({ length: Math.min(shards, tries) }, (_, i) => (first + i) % shards)
}
