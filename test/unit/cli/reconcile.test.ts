import { DeleteItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import { reconcile } from '../../../lib/cli/operations/reconcile/stores.ts'
import { NOW } from '../../support/clock.ts'
import { anItem, newUser } from '../../support/requests.ts'
import { startStores } from './stores.ts'

const LATER = NOW + 300_000
const LIMITS = { requests: 10, tokens: 1_000, in_flight: 10 }

let stores: Awaited<ReturnType<typeof startStores>>
beforeAll(async () => {
  stores = await startStores()
}, 60_000)
afterAll(() => stores.close())

const sluice = (line: string) => stores.at(new Date(LATER).toISOString())(line)
const request = (fields: Partial<RequestItem> = {}) => anItem({ user_id: newUser(), ...fields })

/** Removes all data of a test, so the next test starts with stores that agree. */
const planted: RequestItem[] = []
const remove = (table: string, key: object) =>
  stores.client.send(new DeleteItemCommand({ TableName: table, Key: marshall(key) }))
afterEach(async () => {
  for (const { user_id, request_id, window } of planted.splice(0)) {
    await remove('RequestsTable', { user_id, request_id })
    await remove('QuotaTable', { pk: `user#${user_id}#${window}` })
  }
})

describe('sluice reconcile: no difference', () => {
  it('no difference is found if the stores agree: it reads all stores, prints that they agree, and exits with 0', async () => {
    const [completed, failed, waiting, rejected] = [request(), request(), request(), request()]
    await stores.finish(await stores.admit(completed))
    await stores.fail(await stores.admit(failed))
    await stores.admit(waiting)
    await stores.ports.items.reject({ ...rejected, status: 'rejected', completed_at: NOW })
    const running = await stores.start(await stores.admit(request()))

    const { code, out, err } = await sluice('reconcile')

    expect({ code, out, err }).toEqual({
      code: 0,
      out: 'everything agrees: 4 quota items, 5 requests, 4 rows\n',
      err: '',
    })
    expect(await sluice('reconcile --json')).toEqual({ code: 0, out: '[]\n', err: '' })
    expect(running.status).toBe('running')
  })

  it('no difference is found for a failed request whose dead letter an operator has discarded, and such requests are counted', async () => {
    const item = await stores.admit(request())
    await stores.fail(item)
    await sluice(`dead-letters discard ${item.request_id}`)

    const { code, out } = await sluice('reconcile')

    expect(code).toBe(0)
    expect(out.split('\n')[1]).toBe('without a dead letter: 1 failed request, discarded by an operator')
    expect((await sluice('reconcile --json')).out).toBe('[]\n')
  })

  it('no difference is found for a request that ends while the stores are read', async () => {
    const item = await stores.admit(request())
    const { admin } = stores
    let reads = 0
    const meanwhile = {
      ...admin,
      clock: () => LATER,
      allQuotaItems: async function* () {
        yield* admin.allQuotaItems()
        await stores.finish(item)
        reads += 1
      },
    }

    const { differences } = await reconcile(meanwhile)

    expect({ differences, reads }).toEqual({ differences: [], reads: 1 })
  })

  it('no difference is found for a request that is admitted and charged while the stores are read', async () => {
    const { admin } = stores
    const meanwhile = {
      ...admin,
      clock: () => LATER,
      allQuotaItems: async function* () {
        yield* admin.allQuotaItems()
        await stores.finish(await stores.admit(request()))
      },
    }

    expect((await reconcile(meanwhile)).differences).toEqual([])
  })
})

it('sluice reconcile prints one line per difference, and exits with 1', async () => {
  const [charged, orphan, unrecorded, lost] = [request(), request(), request(), request()]
  planted.push(charged, orphan, unrecorded, lost)
  await stores.finish(await stores.admit(charged))
  await remove('RequestsTable', { user_id: charged.user_id, request_id: charged.request_id })
  await stores.ports.quota.reserve(reservationOf(orphan), LIMITS, NOW)
  await stores.ports.items.create({ ...unrecorded, status: 'expired', completed_at: NOW })
  await stores.ports.items.create(lost)

  const { code, out, err } = await sluice('reconcile')
  const asJson = await sluice('reconcile --json')

  const text = (item: RequestItem) => `request ${item.request_id} of ${item.user_id}`
  const lines = [
    `requests: the quota of ${charged.user_id} in 2026-11-23: expected 0, found 1`,
    `tokens: the quota of ${charged.user_id} in 2026-11-23: expected 0, found 7`,
    `reservation: ${text(orphan)}, run 1, in the quota of ${orphan.user_id} in 2026-11-23: expected a request that waits or runs under this reservation, found no request item`,
    `unreserved: ${text(lost)}, run 1: expected an open reservation in the quota of ${lost.user_id} in 2026-11-23, found none, although it is queued`,
    `row: ${text(unrecorded)}: expected a row that says expired, found no row`,
    `item: ${text(charged)}: expected a request item, found none, but a row that says completed`,
  ]
  expect(code).toBe(1)
  const found = out.trimEnd().split('\n')
  expect(found.filter(line => !line.startsWith('without a dead letter')).sort()).toEqual(lines.sort())
  expect(err).toBe('error: 6 differences found\n')
  expect(asJson).toMatchObject({ code: 1, err: '' })
  expect(JSON.parse(asJson.out)).toContainEqual({
    kind: 'tokens',
    where: `the quota of ${charged.user_id} in 2026-11-23`,
    expected: 0,
    found: 7,
  })
})

it('sluice reconcile skips a quota item that changes at each read, and reports that it was skipped', async () => {
  const item = request()
  planted.push(item)
  await stores.finish(await stores.admit(item))
  await remove('RequestsTable', { user_id: item.user_id, request_id: item.request_id })
  const { admin } = stores
  let tokens = 0
  const busy = {
    ...admin,
    quota: {
      ...admin.quota,
      read: async (user: string, window: string, shard: number) => ({
        ...(await admin.quota.read(user, window, shard)),
        tokens: tokens++,
      }),
    },
  }

  const { differences, untold } = await reconcile(busy)

  expect(differences.filter(({ kind }) => kind === 'tokens')).toEqual([])
  expect(untold.moving).toBe(1)
})
