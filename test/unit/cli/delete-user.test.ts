import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collect } from '../../../functions/collector/collect.ts'
import type { RequestItem } from '../../../functions/core/domain/item.ts'
import { dynamoKeys } from '../../../functions/core/stores/idempotency/dynamodb.ts'
import { dynamoInputKeys } from '../../../functions/core/stores/idempotency/dynamodb-inputs.ts'
import { bodyKey, resultKey } from '../../../functions/core/stores/payloads/names.ts'
import { dynamoWaitLeases } from '../../../functions/core/stores/waits/dynamodb.ts'
import type { Admin } from '../../../lib/cli/admin.ts'
import { deleteUser } from '../../../lib/cli/operations/delete-user.ts'
import { createKey } from '../../../lib/cli/operations/keys.ts'
import { allowUser, setUser } from '../../../lib/cli/operations/users.ts'
import { NOW } from '../../support/clock.ts'
import { failing } from '../../support/failing.ts'
import { anItem, anOutcome, aRefused, newUser } from '../../support/requests.ts'
import { tracesOf } from '../../support/stored.ts'
import { sluiceAt } from './local-system.ts'
import { startStores } from './stores.ts'

const LONG_AGO = NOW - 3_600_000

let stores: Awaited<ReturnType<typeof startStores>>
beforeAll(async () => {
  stores = await startStores()
}, 60_000)
afterAll(() => stores.close())

const request = (userId: string, fields: Partial<RequestItem> = {}) => anItem({ user_id: userId, ...fields })
const inputOf = (userId: string) => JSON.stringify({ user_id: userId, prompt: `a refused prompt of <${userId}>` })

/**
 * Stores a user with a key, a finished request, a request with a large body and result, a dead letter, refused inputs and
 * leases.
 */
async function aUserOfAll(userId: string): Promise<void> {
  const { admin, ports, client } = stores
  await createKey(admin, { user: userId })
  await stores.finish(await stores.admit(request(userId), { inline: `the prompt of <${userId}>` }))

  const large = request(userId)
  const result = resultKey({ ...large, run: 1, attempt: 1 })
  await stores.store(bodyKey(large), { prompt: `a large prompt of <${userId}>` })
  await stores.store(result, { text: `a large result of <${userId}>` })
  await stores.finish(await stores.admit(large, { key: bodyKey(large) }), { result: { key: result } })

  await stores.fail(await stores.admit(request(userId, { shard: 1 })))
  const inline = aRefused(`inline-${userId}`, inputOf(userId))
  const { input, ...stored } = aRefused(`stored-${userId}`)
  const key = `inputs/nightly/stored-${userId}.json`
  await stores.store(key, inputOf(userId))
  await collect(ports, [inline, { ...stored, input: { ...input, body: { key } } }])

  const bound = { request_id: large.request_id, fingerprint: large.fingerprint }
  await dynamoKeys(client, 'RequestsTable').bind(userId, 'a key', bound, NOW)
  await dynamoInputKeys(client, 'RequestsTable').bind(userId, 'nightly/1', large.request_id, NOW)
  const wait = { user_id: userId, request_id: large.request_id, nonce: 'n', until: NOW, beside_others: false }
  await dynamoWaitLeases(client, 'RequestsTable').acquire(wait, { per_user: 1, total: 100 }, NOW)
}

async function disabledLongAgo(user: string): Promise<void> {
  const before = { ...stores.admin, clock: () => LONG_AGO }
  await setUser(before, user, {})
  await allowUser(before, user, false)
}

/** All stored texts of a user. The text of a refused message does not contain the user’s id, so it is found by its key. */
async function traces(user: string): Promise<string[]> {
  const texts = await stores.everything()
  return [...tracesOf(texts, user), ...tracesOf(texts, `stored-${user}.json`)]
}

/** Ports for `deleteUser`. A wait takes no time, but its length in milliseconds is added to `waits`. */
function clientTimeouts(): { admin: Admin; waits: number[]; told: string[] } {
  const waits: number[] = []
  return {
    waits,
    told: [],
    admin: {
      ...stores.admin,
      sleep: async ms => {
        waits.push(ms)
      },
    },
  }
}

const NOTHING = { keys: 0, requests: 0, rows: 0, dead_letters: 0, objects: 0, quota_items: 0 }

describe('users delete', () => {
  it('`users delete` deletes all data of a user, and no data of users whose ids begin or end alike', async () => {
    const user = newUser()
    const others = [`${user}0`, user.slice(0, -1) || 'u', `x${user}`, `${user}@example.com`]
    for (const one of [user, ...others]) await aUserOfAll(one)
    const before = await Promise.all(others.map(traces))

    const deleted = await deleteUser(clientTimeouts().admin, user)

    const counts = { keys: 1, requests: 3, rows: 3, dead_letters: 3, objects: 2, quota_items: 2 }
    expect(deleted).toEqual({ user, ...counts })
    expect(await traces(user)).toEqual([])
    expect(before.every(found => found.length > 10)).toBe(true)
    expect(await Promise.all(others.map(traces))).toEqual(before)
  }, 60_000)

  it('`users delete` finds no data when it runs a second time, and then does not wait until functions have forgotten the user’s keys', async () => {
    const user = newUser()
    await aUserOfAll(user)
    await deleteUser(clientTimeouts().admin, user)
    const { admin, waits } = clientTimeouts()

    expect(await deleteUser(admin, user)).toEqual({ user, ...NOTHING })
    expect(waits).toEqual([])
  })

  it('`users delete` waits 89 s after it has disabled the user, until no function accepts a remembered key, and prints why it waits', async () => {
    const user = newUser()
    await setUser(stores.admin, user, {})
    const { admin, waits, told } = clientTimeouts()

    await deleteUser(admin, user, line => told.push(line))

    expect(waits).toEqual([89_000])
    expect(told).toEqual([expect.stringMatching(/^user-\d+ is disabled\. .+ waiting for 89 s\.$/)])
  })

  it('`users delete` waits only for the rest of the 89 s if the user was already disabled, and not at all if that was long ago', async () => {
    const [lately, longAgo] = [newUser(), newUser()]
    await setUser(stores.admin, lately, {})
    await allowUser({ ...stores.admin, clock: () => NOW - 80_000 }, lately, false)
    await disabledLongAgo(longAgo)
    const { admin, waits } = clientTimeouts()

    await deleteUser(admin, lately)
    await deleteUser(admin, longAgo)

    expect(waits).toEqual([9_000])
  })

  it('`users delete` cancels the user’s waiting requests before it waits', async () => {
    const user = newUser()
    await setUser(stores.admin, user, {})
    const item = await stores.admit(request(user))
    const atWait: unknown[] = []
    const sleep = async () => {
      atWait.push(await stores.admin.items.get(user, item.request_id))
    }

    await deleteUser({ ...stores.admin, sleep }, user)

    expect(atWait).toMatchObject([{ status: 'cancelled' }])
    expect(await traces(user)).toEqual([])
  })

  it('`users delete` leaves no data of the user, even if the collector takes old events of the user afterwards', async () => {
    const user = newUser()
    await disabledLongAgo(user)
    await stores.admit(request(user))
    await deleteUser(stores.admin, user)

    await stores.collectResults()
    await collect(stores.ports, [anOutcome(request(user))])

    expect(await traces(user)).toEqual([])
  })

  it('`users delete` deletes nothing while a request of the user runs, and deletes everything once the request has ended', async () => {
    const user = newUser()
    await aUserOfAll(user)
    await disabledLongAgo(user)
    const item = await stores.start(await stores.admit(request(user)))
    const before = (await traces(user)).length

    const refused = deleteUser(clientTimeouts().admin, user)

    await expect(refused).rejects.toThrow(
      `nothing is deleted yet: 1 request of ${user} is still running, and cancelled; they end by 2026-11-23T10:16:00.000Z, unless a worker crashes: run the command again then`,
    )
    expect((await traces(user)).length).toBe(before)
    await collect(stores.ports, [anOutcome(item, { completed_at: NOW })])
    expect(await stores.admin.items.get(user, item.request_id)).toMatchObject({ status: 'cancelled' })
    await deleteUser(clientTimeouts().admin, user)
    expect(await traces(user)).toEqual([])
  })

  it('`users delete` deletes nothing while a reservation is open, and closes an old reservation whose request was never written', async () => {
    const user = newUser()
    await disabledLongAgo(user)
    const { user_id, request_id, run, window, shard, nonce, estimate, holds_request } = request(user)
    const reservation = { user_id, request_id, run, window, shard, nonce, estimate, holds_request }
    await stores.admin.quota.reserve(reservation, { requests: 1, tokens: 100, in_flight: 1 }, NOW)

    await expect(deleteUser(stores.admin, user)).rejects.toThrow(
      `nothing is deleted yet: 1 reservation of ${user} is still open`,
    )

    await deleteUser({ ...stores.admin, clock: () => NOW + 300_000 }, user)
    expect(await traces(user)).toEqual([])
  })

  it('`users delete` deletes a user who has no record since all requests came from an input queue, and disables the user meanwhile', async () => {
    const user = newUser()
    await stores.finish(await stores.admit(request(user)))
    const seen: unknown[] = []
    const sleep = async () => {
      seen.push(await stores.admin.access.user(user))
    }

    expect(await deleteUser({ ...stores.admin, sleep }, user)).toMatchObject({
      requests: 1,
      rows: 1,
      quota_items: 1,
    })

    expect(seen).toMatchObject([{ disabled_at: NOW }])
    expect(await traces(user)).toEqual([])
  })

  it('`users delete` fails, and keeps the record of the user, if an operator enables the user during the deletion', async () => {
    const user = newUser()
    await disabledLongAgo(user)
    const deleteItemsOf = async (userId: string) => {
      await allowUser(stores.admin, user, true)
      return stores.admin.deleteItemsOf(userId)
    }

    await expect(deleteUser({ ...stores.admin, deleteItemsOf }, user)).rejects.toThrow('was let in again')

    expect(await stores.admin.access.user(user)).toMatchObject({ user_id: user })
  })

  it('`users delete` fails if a request is admitted during the deletion, and keeps this request and its reservation', async () => {
    const user = newUser()
    await aUserOfAll(user)
    await disabledLongAgo(user)
    const late = request(user)
    const mark = async (userId: string) => {
      await stores.admit(late)
      return stores.admin.erasure.mark(userId)
    }
    const erasure = { ...stores.admin.erasure, mark }

    await expect(deleteUser({ ...stores.admin, erasure }, user)).rejects.toThrow('has come while he was deleted')

    expect(await stores.admin.items.get(user, late.request_id)).toMatchObject({ status: 'queued' })
    expect((await stores.admin.quota.read(user, late.window, 0)).open).toHaveLength(1)
  })

  it('`users delete` deletes the refused messages whose user_id is the user, but no message that only mentions the user in its prompt', async () => {
    const [user, other] = [newUser(), newUser()]
    const mention = JSON.stringify({ user_id: other, prompt: `tell me of "user_id":"${user}"` })
    const broken = `{ "user_id" : "${user}", "prompt": `
    await collect(stores.ports, [aRefused(`mention-${other}`, mention), aRefused(`broken-${other}`, broken)])
    const text = `{"v":9,"user_id":"${user}","body":`
    await collect(stores.ports, [{ v: 1, type: 'unreadable', message_id: `m-${other}`, text, at: NOW }])

    expect(await deleteUser(stores.admin, user)).toMatchObject({ dead_letters: 2 })

    const letters = await stores.admin.deadLetters.list({ limit: 1_000 })
    expect(letters.map(({ id }) => id).filter(id => id.endsWith(other))).toEqual([`input:nightly:mention-${other}`])
  })
})

describe('users delete after an interruption', () => {
  const steps: readonly (readonly [name: string, broken: (admin: Admin, when: 'before' | 'after') => Admin])[] = [
    ['disabling', (o, when) => ({ ...o, access: failing(o.access, 'replaceUser', when) })],
    ['cancelling', (o, when) => ({ ...o, items: failing(o.items, 'cancel', when) })],
    ['telling the ledger', (o, when) => ({ ...o, queue: failing(o.queue, 'send', when) })],
    ['the mark', (o, when) => ({ ...o, erasure: failing(o.erasure, 'mark', when) })],
    ['dead letters', (o, when) => ({ ...o, erasure: failing(o.erasure, 'deleteLetters', when) })],
    ['messages of inputs', (o, when) => ({ ...o, deadLetters: failing(o.deadLetters, 'remove', when) })],
    ['rows', (o, when) => ({ ...o, erasure: failing(o.erasure, 'deleteRows', when) })],
    ['objects', (o, when) => ({ ...o, payloads: failing(o.payloads, 'deleteOfUser', when) })],
    ['items', (o, when) => failing(o, 'deleteItemsOf', when)],
    ['quota items', (o, when) => failing(o, 'deleteQuotaItem', when)],
    ['keys', (o, when) => ({ ...o, access: failing(o.access, 'deleteKey', when) })],
    ['the record', (o, when) => ({ ...o, access: failing(o.access, 'deleteUser', when) })],
  ]

  it.each(
    steps.flatMap(([name, broken]) => [
      { name, when: 'before' as const, broken },
      { name, when: 'after' as const, broken },
    ]),
  )(
    'if `users delete` fails at its step "$name" ($when the step had its effect), a repeated `users delete` leaves no data of the user',
    async ({ when, broken }) => {
      const user = newUser()
      await aUserOfAll(user)
      await stores.admit(request(user))

      await expect(deleteUser(broken(clientTimeouts().admin, when), user)).rejects.toThrow('unavailable')
      const later = { ...clientTimeouts().admin, clock: () => NOW + 300_000 }
      await deleteUser(later, user)
      await stores.collectResults()

      expect(await traces(user)).toEqual([])
    },
  )
})

describe('sluice users delete', () => {
  const sluice = (line: string) => stores.at('2026-11-23T10:16:00.000Z')(line)

  it('`users delete` asks for the id of the user at a terminal, and deletes nothing without it', async () => {
    const user = newUser()
    await sluice(`keys create --user ${user}`)
    const typing = (typed: string) =>
      sluiceAt({ SLUICE_DATA: stores.folder }, '2026-11-23T10:16:00.000Z', typed, ['users', 'delete', user])

    expect(await typing('yes')).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/nothing was deleted: that is not user-/),
    })
    expect(await sluice(`users show ${user}`)).toMatchObject({ code: 0 })
    expect(await typing(`${user}\n`)).toMatchObject({ code: 0, out: expect.stringMatching(/is deleted: keys 1/) })
  })

  it('`users delete` asks for no confirmation in a script', async () => {
    const user = newUser()
    await sluice(`keys create --user ${user}`)
    expect(await sluice(`users delete ${user}`)).toMatchObject({ code: 0 })
  })

  it('`users delete` prints the deleted data, and that nothing is left', async () => {
    const user = newUser()
    await aUserOfAll(user)

    expect(await sluice(`users delete ${user} --yes`)).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /is deleted: keys 1, requests 3, rows 3, dead letters 3, objects 2, quota items 2\.\n$/,
      ),
    })
    expect(await sluice(`users delete ${user} --yes`)).toEqual({
      code: 0,
      out: `Nothing is left of ${user}.\n`,
      err: '',
    })
    expect(JSON.parse((await sluice(`users delete ${user} --yes --json`)).out)).toEqual({ user, ...NOTHING })
  })
})
