import { isTerminal, type RequestItem } from '../../../functions/core/domain/item.ts'
import { GATEWAY_TIMEOUT_MS, KEY_CACHE_MS } from '../../../functions/core/domain/timing.ts'
import { finalizeRequest } from '../../../functions/core/lifecycle/finalize-request.ts'
import { reapReservation } from '../../../functions/core/lifecycle/reap-reservation.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import type { UserRecord } from '../../../functions/core/stores/access/port.ts'
import type { QuotaItem } from '../../../functions/core/stores/quota/admin.ts'
import type { Admin } from '../admin.ts'
import type { Tell } from '../answer.ts'
import { Refusal } from '../refusal.ts'
import { deleteLooseLetters } from './delete-loose-letters.ts'
import { allowUser, existingUser } from './users.ts'

/** The numbers of a user's data that this run has deleted. */
export interface DeletedUser {
  readonly user: string
  readonly keys: number
  readonly requests: number
  readonly rows: number
  readonly dead_letters: number
  readonly objects: number
  readonly quota_items: number
}

/**
 * Deletes a user and all data of the user. Nothing is deleted before all requests of the user have ended. The user's
 * record is deleted last. Until then, the record is disabled and blocks the user. So an interrupted run can be repeated:
 * the next run continues the work. `tell` is called with the reason of a wait. Throws `Refusal` while a request runs, and
 * `Unavailable`.
 */
export async function deleteUser(ports: Admin, userId: string, tell: Tell = () => {}): Promise<DeletedUser> {
  const record = await shutOut(ports, userId)
  // The requests are cancelled before the wait, so that workers take their messages out of the queues during the wait.
  await cancelAll(ports, userId)
  if (record) await untilNobodyIsIn(ports, record, tell)
  await cancelAll(ports, userId)
  await refuseWhatGoesOn(ports, userId)

  // Postgres comes first. After `mark`, an event that is still in a queue can't write a new row of the user.
  await ports.erasure.mark(userId)
  const letters = await inChunks(() => ports.erasure.deleteLetters(userId, CHUNK))
  const deadLetters = letters + (await deleteLooseLetters(ports, userId))
  const rows = await inChunks(() => ports.erasure.deleteRows(userId, CHUNK))
  const objects = await ports.payloads.deleteOfUser(userId)
  const requests = await deleteItems(ports, userId)
  const quotaItems = await deleteQuotaItems(ports, userId)
  const keys = await deleteKeys(ports, userId)
  if (!(await ports.access.deleteUser(userId)))
    throw new Refusal(`${userId} was let in again while he was deleted: run the command again, or create his keys anew`)
  return { user: userId, keys, requests, rows, dead_letters: deadLetters, objects, quota_items: quotaItems }
}

/**
 * Disables the user. A user without a record may still have requests, which came by an input queue. Such a user gets a
 * disabled record, so that no more requests come. Returns undefined if there is no data of the user.
 */
async function shutOut(ports: Admin, userId: string): Promise<UserRecord | undefined> {
  const { access, quotas, clock } = ports
  if (!(await access.user(userId))) {
    if (!(await hasUsedAnything(ports, userId))) return undefined
    const record = { user_id: userId, plan: quotas.default_plan, overrides: {}, disabled_at: clock() }
    await access.replaceUser(undefined, record)
  }
  await allowUser(ports, userId, false)
  return existingUser(access, userId)
}

async function hasUsedAnything(ports: Admin, userId: string): Promise<boolean> {
  const { items } = await ports.items.list(userId, 1)
  return items.length > 0 || (await quotaItemsOf(ports, userId)).length > 0
}

/**
 * How long a key that was checked just before its user was disabled is still accepted, including the time of its last
 * call. Milliseconds.
 */
const LET_IN_MS = KEY_CACHE_MS + GATEWAY_TIMEOUT_MS

async function untilNobodyIsIn(
  { clock, sleep }: Admin,
  { user_id, disabled_at = clock() }: UserRecord,
  tell: Tell,
): Promise<void> {
  const wait = disabled_at + LET_IN_MS - clock()
  if (wait <= 0) return
  tell(
    `${user_id} is disabled. His keys may be let in for a minute more, and their calls take half a minute: waiting for ${Math.ceil(wait / 1000)} s.`,
  )
  await sleep(wait)
}

async function cancelAll(ports: Admin, userId: string): Promise<void> {
  for await (const page of unfinishedOf(ports, userId)) for (const item of page) await cancel(ports, item)
}

/**
 * The most tries of a cancellation. A try fails only if another transition comes first, and a request has only a few
 * transitions.
 */
const MAX_ROUNDS = 10

/**
 * Cancels a request as the reader does for a client. A running request continues to its end, and its outcome is
 * discarded.
 */
async function cancel(ports: Admin, item: RequestItem): Promise<void> {
  let seen: RequestItem | undefined = item
  for (let round = 0; round < MAX_ROUNDS && seen && !isTerminal(seen.status); round++) {
    const cancelled = await ports.items.cancel(seen, ports.clock())
    if (cancelled?.status === 'cancelled') await finalizeRequest(ports, cancelled)
    if (cancelled) return
    seen = await ports.items.get(item.user_id, item.request_id)
  }
}

/** The number of requests that one call reads. */
const PAGE = 200

async function* unfinishedOf({ items }: Admin, userId: string): AsyncGenerator<RequestItem[]> {
  for (let before: string | undefined; ; ) {
    const page = await items.list(userId, PAGE, before)
    yield page.items.filter(({ status }) => !isTerminal(status))
    if (page.last === undefined) return
    before = page.last
  }
}

/** Throws `Refusal` while a request runs or a reservation is open. */
async function refuseWhatGoesOn(ports: Admin, userId: string): Promise<void> {
  const unfinished: RequestItem[] = []
  for await (const page of unfinishedOf(ports, userId)) unfinished.push(...page)
  if (unfinished.length > 0) throw new Refusal(runningSentence(userId, unfinished))
  const open = await stillOpen(ports, userId)
  if (open > 0)
    throw new Refusal(
      `nothing is deleted yet: ${count(open, 'reservation')} of ${userId} ${areOrIs(open)} still open, and the system closes such within five minutes: run the command again then`,
    )
}

function runningSentence(userId: string, unfinished: readonly RequestItem[]): string {
  const until = Math.max(...unfinished.map(({ lease_until = 0 }) => lease_until))
  const when = until === 0 ? 'soon' : `by ${iso(until)}, unless a worker crashes`
  return `nothing is deleted yet: ${count(unfinished.length, 'request')} of ${userId} ${areOrIs(unfinished.length)} still running, and cancelled; they end ${when}: run the command again then`
}

/** Closes reservations of requests that have ended, as the sweeper does. Returns how many are open after that. */
async function stillOpen(ports: Admin, userId: string): Promise<number> {
  let open = 0
  for (const quotaItem of await quotaItemsOf(ports, userId)) {
    for (const reservation of quotaItem.open) await reapReservation(ports, reservation, ports.clock())
    const { user_id, window, shard } = quotaItem
    open += (await ports.quota.read(user_id, window, shard)).open.length
  }
  return open
}

/**
 * Finds the quota items of a user. It reads the whole table, because no index has the items of a user without open
 * reservations.
 */
async function quotaItemsOf({ allQuotaItems }: Admin, userId: string): Promise<QuotaItem[]> {
  const found: QuotaItem[] = []
  for await (const page of allQuotaItems()) found.push(...page.filter(({ user_id }) => user_id === userId))
  return found
}

/** The number of rows that one statement deletes. Postgres needs at most a second for so many rows. */
const CHUNK = 1_000

async function inChunks(deleteSome: () => Promise<number>): Promise<number> {
  let deleted = 0
  for (;;) {
    const some = await deleteSome()
    if (some === 0) return deleted
    deleted += some
  }
}

async function deleteItems(ports: Admin, userId: string): Promise<number> {
  const { requests, left } = await ports.deleteItemsOf(userId)
  if (left > 0) throw cameMeanwhile(userId)
  return requests
}

async function deleteQuotaItems(ports: Admin, userId: string): Promise<number> {
  const quotaItems = await quotaItemsOf(ports, userId)
  for (const { user_id, window, shard } of quotaItems)
    if (!(await ports.deleteQuotaItem({ user_id, window, shard }))) throw cameMeanwhile(userId)
  return quotaItems.length
}

async function deleteKeys({ access }: Admin, userId: string): Promise<number> {
  const keys = await access.keys(userId)
  for (const { key_id } of keys) await access.deleteKey(key_id)
  return keys.length
}

const cameMeanwhile = (userId: string) =>
  new Refusal(`a request of ${userId} has come while he was deleted: run the command again`)

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
const areOrIs = (n: number): string => (n === 1 ? 'is' : 'are')
