import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import type { Reservation } from '../../functions/core/domain/item.ts'
import { randomIds } from '../../functions/core/platform/ids.ts'
import { dynamoQuota } from '../../functions/core/stores/quota/dynamodb.ts'
import { createTable, type Engines } from './engines.ts'
import { median, round, table } from './table.ts'

const ROUNDS = 160
/** The number of calls in a round. It is small, because each open reservation makes the quota item larger and its writes slower. */
const ROUND_CALLS = 10
const CONCURRENCY = 8
const TABLE = 'bench-admission'
const LIMITS = { requests: 1e9, tokens: 1e9, in_flight: 1e9 }

/**
 * Measures admissions per second for one user and for 1,000 users. Compares them with bare UpdateItem calls (`SET n = n + :one`) on the
 * same number of items in the same table. Both run in turn. A busy machine slows both, so their ratio hardly varies.
 */
export async function benchAdmission({ newDynamoDb, dynamoDbName }: Engines): Promise<string> {
  const dynamoDb = newDynamoDb()
  await createTable(dynamoDb, TABLE, 'pk')
  const quota = dynamoQuota(dynamoDb, TABLE)

  const bare = (user: number) =>
    dynamoDb.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key: marshall({ pk: `bare#${user}` }),
        UpdateExpression: 'SET n = if_not_exists(n, :zero) + :one',
        ExpressionAttributeValues: marshall({ ':one': 1, ':zero': 0 }),
      }),
    )
  const reserve = async (user: number): Promise<Reservation> => {
    const reservation = newReservation(`u${user}`)
    await quota.reserve(reservation, LIMITS, Date.now())
    return reservation
  }

  const rows: (string | number)[][] = []
  for (const users of [1, 1000]) {
    for (let user = 0; user < users; user++) await quota.close([{ reservation: await reserve(user) }])
    const bares: number[] = []
    const admissions: number[] = []
    for (let i = 0; i < ROUNDS; i++) {
      bares.push((await perSecond(users, bare)).rate)
      const { rate, results } = await perSecond(users, reserve)
      admissions.push(rate)
      await quota.close(results.map(reservation => ({ reservation })))
    }
    const ratios = admissions.map((rate, i) => rate / (bares[i] ?? Number.NaN))
    rows.push([users, round(median(bares), 0), round(median(admissions), 0), round(median(ratios))])
  }
  const head = ['users', 'bare UpdateItem/s', 'admissions/s', 'ratio (median of rounds)']
  return `Admissions on ${dynamoDbName}, warm items, ${CONCURRENCY} at once, ${ROUNDS} rounds of ${ROUND_CALLS}\n\n${table(head, rows)}`
}

function newReservation(userId: string): Reservation {
  const requestId = randomIds.request(Date.now())
  const nonce = randomIds.nonce()
  return {
    user_id: userId,
    request_id: requestId,
    run: 1,
    window: '2026-01-01',
    shard: 0,
    nonce,
    estimate: 12,
    holds_request: true,
  }
}

async function perSecond<T>(
  users: number,
  call: (user: number) => Promise<T>,
): Promise<{ rate: number; results: T[] }> {
  const results: T[] = []
  let next = 0
  const lane = async () => {
    while (next < ROUND_CALLS) results.push(await call(next++ % users))
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: CONCURRENCY }, lane))
  return { rate: ROUND_CALLS / ((performance.now() - start) / 1000), results }
}
