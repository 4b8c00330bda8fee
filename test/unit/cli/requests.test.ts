import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { GetObjectCommand, NoSuchKey, S3Client } from '@aws-sdk/client-s3'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../functions/core/domain/item.ts'
import type { RecordedRequest, RequestFilter } from '../../../functions/core/stores/ledger/admin.ts'
import { migrate } from '../../../functions/core/stores/ledger/migrate.ts'
import type { LedgerRow } from '../../../functions/core/stores/ledger/port.ts'
import { rdsDataLedger } from '../../../functions/core/stores/ledger/rds-data.ts'
import { listRequests } from '../../../lib/cli/operations/requests.ts'
import { openPglite } from '../../../lib/local/rds-data/pglite.ts'
import { startDataApi } from '../../../lib/local/rds-data/server.ts'
import { credentialsOf } from '../../../lib/local/trust/access-key.ts'
import { ACCESS_KEY_ID } from '../../support/emulators.ts'
import { mockClient } from '../../support/mock-client.ts'
import { jsonOf, OUTPUTS, startTables } from './local-system.ts'

const NOON = Date.parse('2026-11-23T12:00:00.000Z')
const idOf = (n: number) => `019ab000-0000-7000-8000-${String(n).padStart(12, '0')}`

const row = (n: number, more: Partial<LedgerRow> = {}): LedgerRow => ({
  request_id: idOf(n),
  user_id: 'u1',
  model: 'text',
  priority: 'normal',
  prompt: { inline: 'Hello' },
  estimated_tokens: 12,
  status: 'queued',
  run: 1,
  attempts: 0,
  quota_window: '2026-11-23',
  created_at: NOON,
  deadline: NOON + 21_600_000,
  ...more,
})

const recorded = (n: number): RecordedRequest => ({
  request_id: idOf(n),
  user_id: 'u1',
  model: 'text',
  priority: 'normal',
  estimated_tokens: 12,
  status: 'queued',
  prompt_tokens: null,
  completion_tokens: null,
  total_tokens: null,
  error: null,
  run: 1,
  attempts: 0,
  quota_window: '2026-11-23',
  created_at: NOON,
  started_at: null,
  completed_at: null,
  deadline: NOON + 21_600_000,
})

const COMPLETED = {
  status: 'completed',
  attempts: 1,
  usage: { prompt_tokens: 2, completion_tokens: 5, total_tokens: 7 },
  started_at: NOON + 1_000,
  completed_at: NOON + 2_500,
} as const

const ERROR = { code: 'model_error', message: 'it answered \u001b[31m500' }

const item = (n: number, more: Partial<RequestItem> = {}): RequestItem => ({
  user_id: 'u1',
  request_id: idOf(n),
  model: 'text',
  priority: 'normal',
  fingerprint: 'f',
  created_at: NOON,
  deadline: NOON + 21_600_000,
  run: 1,
  next_run: 2,
  window: '2026-11-23',
  shard: 0,
  nonce: 'n',
  estimate: 12,
  holds_request: true,
  status: 'queued',
  attempt: 0,
  crashes: 0,
  ttl: 1,
  ...more,
})

const s3 = mockClient(S3Client)
let postgres: Awaited<ReturnType<typeof startDataApi>>
let system: Awaited<ReturnType<typeof startTables>>

beforeAll(async () => {
  postgres = await startDataApi(await openPglite(), ACCESS_KEY_ID)
  const endpoint = `http://127.0.0.1:${postgres.port}`
  system = await startTables(endpoint)
  const credentials = credentialsOf(ACCESS_KEY_ID)
  const client = new RDSDataClient({ endpoint, region: 'us-east-1', credentials })
  const env = {
    LEDGER_CLUSTER_ARN: OUTPUTS.LedgerClusterArn ?? '',
    LEDGER_SECRET_ARN: OUTPUTS.LedgerSecretArn ?? '',
    LEDGER_DATABASE: 'sluice',
  }
  await migrate(client, env)
  const rows = [
    row(1, { ...COMPLETED, result: { inline: { answer: 42 } }, metadata: { trace: 'a' } }),
    row(2, {
      status: 'failed',
      attempts: 1,
      error: ERROR,
      completed_at: NOON + 1_000,
    }),
    row(3),
    row(4, { user_id: 'u2', prompt: undefined }),
    row(5, { ...COMPLETED, prompt: { key: 'body' }, result: { key: 'result' } }),
    row(6, { ...COMPLETED, prompt: { key: 'gone' }, result: { key: 'gone' } }),
  ]
  await rdsDataLedger(client, env).record(rows.map(entry => ({ row: entry })))
  client.destroy()
  await put(item(3, { status: 'running', attempt: 1, started_at: NOON + 3_000 }))
  await put(item(4, { user_id: 'u2', attempt: 2, not_before: NOON + 9_000, reached: true }))
  const earlier = [{ window: '2026-11-22', shard: 0, tokens: 3, request: true }]
  await put(item(2, { status: 'failed', run: 2, attempt: 1, error: ERROR, charge: 7, holds_request: false, earlier }))

  const body = (value: unknown) => ({ Body: { transformToString: async () => JSON.stringify(value) } as never })
  s3.on(GetObjectCommand).rejects(new NoSuchKey({ message: 'no such key', $metadata: {} }))
  s3.on(GetObjectCommand, { Bucket: 'payloads', Key: 'body' }).resolves(
    body({ prompt: 'A long one', priority: 'high' }),
  )
  s3.on(GetObjectCommand, { Bucket: 'payloads', Key: 'result' }).resolves(body(['a long', 'answer']))
}, 60_000)

afterAll(async () => {
  s3.restore()
  await system.close()
  await postgres.close()
})

const put = (i: RequestItem) =>
  system.client.send(
    new PutItemCommand({ TableName: 'RequestsTable', Item: marshall(i, { removeUndefinedValues: true }) }),
  )
const sluice = (line: string) => system.at('2026-11-23T13:00:00Z')(line)
const json = jsonOf(sluice)
const numbersOf = (requests: { request_id: string }[]) => requests.map(r => Number(r.request_id.slice(-12)))

describe('requests show', () => {
  it('`requests show` shows all fields of the row in Postgres', async () => {
    expect(await json(`requests show ${idOf(1)}`)).toEqual({
      request_id: idOf(1),
      user: 'u1',
      model: 'text',
      priority: 'normal',
      status: 'completed',
      run: 1,
      attempts: 1,
      estimated_tokens: 12,
      usage: { prompt_tokens: 2, completion_tokens: 5, total_tokens: 7 },
      quota_window: '2026-11-23',
      created_at: '2026-11-23T12:00:00.000Z',
      started_at: '2026-11-23T12:00:01.000Z',
      completed_at: '2026-11-23T12:00:02.500Z',
      deadline: '2026-11-23T18:00:00.000Z',
      metadata: { trace: 'a' },
      prompt: 'Hello',
      result: { answer: 42 },
    })
  })

  it('`requests show` prints aligned lines for people', async () => {
    expect((await sluice(`requests show ${idOf(1)}`)).out).toBe(
      [
        'request    019ab000-0000-7000-8000-000000000001',
        'user       u1',
        'model      text',
        'priority   normal',
        'status     completed',
        'run        1',
        'attempts   1',
        'estimate   12 tokens',
        'usage      7 tokens (2 of the prompt, 5 of the completion)',
        'window     2026-11-23',
        'created    2026-11-23T12:00:00.000Z',
        'started    2026-11-23T12:00:01.000Z',
        'completed  2026-11-23T12:00:02.500Z',
        'deadline   2026-11-23T18:00:00.000Z',
        'metadata   {"trace":"a"}',
        '',
        'prompt:',
        'Hello',
        '',
        'result:',
        '{',
        '  "answer": 42',
        '}',
        '',
      ].join('\n'),
    )
  })

  it.each(['resp_', 'chatcmpl-', 'cmpl-'])(
    '`requests show` accepts an id of the OpenAI API, with %s before it',
    async prefix => {
      expect(await json(`requests show ${prefix}${idOf(1)}`)).toMatchObject({ request_id: idOf(1) })
    },
  )

  it('`requests show` shows the state of the request item, since it is newer than the row', async () => {
    expect(await json(`requests show ${idOf(3)}`)).toMatchObject({
      status: 'running',
      attempts: 1,
      started_at: '2026-11-23T12:00:03.000Z',
    })
  })

  it('`requests show` shows when the next attempt of a waiting request may begin, and how many attempts were made', async () => {
    expect(await json(`requests show ${idOf(4)}`)).toMatchObject({
      status: 'queued',
      attempts: 2,
      not_before: '2026-11-23T12:00:09.000Z',
    })
    const { out } = await sluice(`requests show ${idOf(4)}`)
    expect(out).toMatch(/^not before +2026-11-23T12:00:09.000Z$/m)
    const { out: before } = await system.at('2026-11-23T12:00:05Z')(`requests show ${idOf(4)}`)
    expect(before).toMatch(/^waits +attempt 2 failed: the next one begins at 2026-11-23T12:00:09.000Z$/m)
    expect(out).not.toContain('charged')
  })

  it('`requests show` shows the charge of a redriven request, summed over its runs', async () => {
    expect(await json(`requests show ${idOf(2)}`)).toMatchObject({ run: 2, charged: { requests: 1, tokens: 10 } })
    expect((await sluice(`requests show ${idOf(2)}`)).out).toMatch(/^charged +1 request, 10 tokens$/m)
  })

  it('`requests show` reads a large prompt or result from the payload bucket', async () => {
    expect(await json(`requests show ${idOf(5)}`)).toMatchObject({
      prompt: 'A long one',
      prompt_key: 'body',
      result: ['a long', 'answer'],
      result_key: 'result',
    })
  })

  it('`requests show` reports a prompt or result that the payload store has deleted, and shows all other fields', async () => {
    const { code, out } = await sluice(`requests show ${idOf(6)}`)

    expect(code).toBe(0)
    expect(out).toContain('prompt:\n(no longer stored; it was gone in the payload bucket)\n')
    expect(await json(`requests show ${idOf(6)}`)).not.toHaveProperty('result')
  })

  it('`requests show` shows no prompt if the row in Postgres has none', async () => {
    expect((await sluice(`requests show ${idOf(4)}`)).out).not.toContain('prompt')
  })

  it('`requests show` prints no terminal control sequence of a stored text', async () => {
    const { out } = await sluice(`requests show ${idOf(2)}`)

    expect(out).toContain('error     model_error: it answered \uFFFD[31m500\n')
    expect((await json(`requests show ${idOf(2)}`)).error.message).toBe('it answered \u001b[31m500')
  })

  it('`requests show` refuses an id that does not exist', async () => {
    expect(await sluice(`requests show ${idOf(99)}`)).toEqual({
      code: 1,
      out: '',
      err: `error: there is no request ${idOf(99)}: it neither waits nor runs, and it is not in Postgres, from where an old one is deleted after observability.retention.ledger; or it has just ended: ask again in a minute\n`,
    })
  })
})

describe('requests list', () => {
  it('`requests list` shows the newest requests first, with the cost or the estimate of each', async () => {
    expect((await sluice('requests list')).out.split('\n')).toEqual([
      `REQUEST                               AGE  USER  MODEL  STATUS     TOKENS`,
      `${idOf(6)}  60m  u1    text   completed  7`,
      `${idOf(5)}  60m  u1    text   completed  7`,
      `${idOf(4)}  60m  u2    text   queued     ~12`,
      `${idOf(3)}  60m  u1    text   running    ~12`,
      `${idOf(2)}  60m  u1    text   failed     ~12`,
      '  model_error: it answered \uFFFD[31m500',
      `${idOf(1)}  60m  u1    text   completed  7`,
      '',
    ])
  })

  it.each([
    ['--user u2', [4]],
    ['--user u1 --status completed', [6, 5, 1]],
    ['--status running', [3]],
    ['--status queued', [4]],
    ['--status queued --limit 1', [4]],
    ['--status running --limit 1', [3]],
    ['--status expired', []],
    ['--limit 2', [6, 5]],
    ['--user nobody', []],
    ['--model text --limit 1', [6]],
    ['--model image', []],
    ['--since 400d --model text --user u2', [4]],
    ['--since 1h', []],
  ])('`requests list` lists the matching requests with %s', async (options, expected) => {
    expect(numbersOf(await json(`requests list ${options}`))).toEqual(expected)
  })

  it('`requests list` says how to see more requests if there may be more', async () => {
    const more = /\n\nThese are the newest 5; --limit 50 lists more, if there are\.\n$/

    expect((await sluice('requests list --limit 5')).out).toMatch(more)
    expect((await sluice('requests list --limit 7')).out).not.toContain('newest')
    expect(await json('requests list --limit 5')).toHaveLength(5)
  })

  it('`requests list` reads whole pages if it filters by a status, even with a small --limit', async () => {
    const queued = Array.from({ length: 250 }, (_, n) => recorded(250 - n))
    const asked: number[] = []
    const ledger = {
      list: async ({ before, limit }: RequestFilter) => {
        asked.push(limit)
        return queued.filter(({ request_id }) => before === undefined || request_id < before).slice(0, limit)
      },
    }
    const items = {
      get: async (_: string, id: string) => item(0, { request_id: id, status: id === idOf(1) ? 'running' : 'queued' }),
    }

    const noneOpen = { openReservations: async function* () {}, itemsOf: async () => [] }
    const found = await listRequests({ ledger, items, ...noneOpen }, { status: 'running', limit: 1 })

    expect(numbersOf(found)).toEqual([1])
    expect(asked).toEqual([100, 100, 100])
  })

  it('`requests list` rejects an unknown status as wrong usage', async () => {
    expect((await sluice('requests list --status done')).code).toBe(2)
  })
})
