import { type Limits, limitsOf } from '../../../functions/core/domain/limits.ts'
import { planOf, type QuotaSettings } from '../../../functions/core/domain/quota-settings.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import type { UserRecord } from '../../../functions/core/stores/access/port.ts'
import { IN_FLIGHT_PER_SHARD } from '../../config/schema.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'

/** The changes of a user. A field that is absent stays as it is. `default` removes the user's own limit. */
export interface UserChanges {
  readonly plan?: string | undefined
  readonly requests?: number | 'default' | undefined
  readonly tokens?: number | 'default' | undefined
  readonly in_flight?: number | 'default' | undefined
}

/** A user, with the plan and the limits that apply. */
export interface UserView {
  readonly user: string
  readonly plan: string
  /** The plan that applies. It is the default plan if pipeline.yaml no longer has the user's own plan. */
  readonly effective_plan: string
  readonly overrides: Partial<Limits>
  readonly limits: Limits
  /** ISO 8601. Absent for a user who is not disabled. */
  readonly disabled_at?: string
}

type UserPorts = Pick<Admin, 'access' | 'quotas'>

/** Shows a user. Throws `Refusal` if there is no such user, and `Unavailable` if a service can't be reached. */
export async function showUser({ access, quotas }: UserPorts, userId: string): Promise<UserView> {
  return viewOf(quotas, await existingUser(access, userId))
}

/** Lists all users, sorted by their ids. Rejects with `Unavailable` if the service can't be reached. */
export async function listUsers({ access, quotas }: UserPorts): Promise<UserView[]> {
  return (await access.users()).map(record => viewOf(quotas, record))
}

/** Returns the user's record. Throws `Refusal` when there is none, and `Unavailable` if a service can't be reached. */
export async function existingUser(access: Admin['access'], userId: string): Promise<UserRecord> {
  const record = await access.user(userId)
  if (!record) throw new Refusal(`there is no user ${userId}: make one with users set, or with keys create`)
  return record
}

/**
 * Changes a user, or creates one on the default plan. `was` is the record before the change.
 * Throws `Refusal` for a plan that does not exist and for limits that the plan's shards can't keep, and `Unavailable` if a service can't be reached.
 */
export async function setUser(
  { access, quotas }: UserPorts,
  userId: string,
  { plan, ...limits }: UserChanges,
): Promise<{ user: UserView; was: UserRecord | undefined }> {
  if (plan !== undefined) checkPlan(quotas, plan)
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const was = await access.user(userId)
    const record: UserRecord = {
      ...was,
      user_id: userId,
      plan: plan ?? was?.plan ?? quotas.default_plan,
      overrides: { ...was?.overrides, ...toOverrides(limits) },
    }
    checkOverrides(quotas, record)
    if (await access.replaceUser(was, record)) return { user: viewOf(quotas, record), was }
  }
  throw new Refusal(`${userId} is being changed by somebody else: try again`)
}

/** Disables or enables a user, and changes nothing else. Throws `Refusal` when there is no such user, and `Unavailable` if a service can't be reached. */
export async function allowUser(
  { access, quotas, clock }: UserPorts & Pick<Admin, 'clock'>,
  userId: string,
  isAllowed: boolean,
): Promise<UserView> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const was = await existingUser(access, userId)
    const { disabled_at = clock(), ...rest } = was
    const record: UserRecord = isAllowed ? rest : { ...rest, disabled_at }
    if (await access.replaceUser(was, record)) return viewOf(quotas, record)
  }
  throw new Refusal(`${userId} is being changed by somebody else: try again`)
}

/**
 * The most tries of a change. A try fails if another operator changes the user at the same time. The next try then
 * applies the change to the new record.
 */
const MAX_TRIES = 5

function toOverrides(limits: Omit<UserChanges, 'plan'>): UserRecord['overrides'] {
  const given = Object.entries(limits).filter(([, limit]) => limit !== undefined)
  return Object.fromEntries(given.map(([name, limit]) => [name, limit === 'default' ? undefined : limit]))
}

function checkPlan({ plans }: QuotaSettings, plan: string): void {
  if (!Object.hasOwn(plans, plan))
    throw new Refusal(`there is no plan ${plan}: the plans are ${Object.keys(plans).join(', ')}`)
}

function checkOverrides(quotas: QuotaSettings, { user_id, plan, overrides }: UserRecord): void {
  const { name, plan: terms } = planOf(quotas, plan)
  const most = terms.shards * IN_FLIGHT_PER_SHARD
  const { in_flight } = overrides
  if (in_flight !== undefined && in_flight > most)
    throw new Refusal(
      `${user_id} can't have ${in_flight} requests in flight: the plan ${name} keeps at most ${most} (${IN_FLIGHT_PER_SHARD} for each of its shards, of which it has ${terms.shards})`,
    )
  for (const [limit, value] of Object.entries(overrides))
    if (value !== undefined && value < terms.shards)
      throw new Refusal(
        `${user_id} can't have the limit ${limit} ${value}: the plan ${name} splits it over ${terms.shards} shards, so ${terms.shards} is the least`,
      )
}

function viewOf(quotas: QuotaSettings, { user_id, plan, overrides, disabled_at }: UserRecord): UserView {
  const effective = planOf(quotas, plan)
  return {
    user: user_id,
    plan,
    effective_plan: effective.name,
    overrides: definedOf(overrides),
    limits: limitsOf(effective.plan, overrides),
    ...(disabled_at !== undefined && { disabled_at: iso(disabled_at) }),
  }
}

const definedOf = (overrides: UserRecord['overrides']): Partial<Limits> =>
  Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined))
