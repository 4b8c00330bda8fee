import {
  BeginTransactionCommand,
  CommitTransactionCommand,
  DatabaseErrorException,
  ExecuteStatementCommand,
  type ExecuteStatementCommandInput,
  RDSDataClient,
  RollbackTransactionCommand,
  type SqlParameter,
} from '@aws-sdk/client-rds-data'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPglite } from '../../lib/local/rds-data/pglite.ts'
import { openPostgres } from '../../lib/local/rds-data/postgres.ts'
import { startDataApi } from '../../lib/local/rds-data/server.ts'

const { DATABASE_URL } = process.env
const target = { resourceArn: 'arn:cluster', secretArn: 'arn:secret', database: 'ledger' }
let server: Awaited<ReturnType<typeof startDataApi>>
let client: RDSDataClient

beforeAll(async () => {
  server = await startDataApi(await (DATABASE_URL ? openPostgres(DATABASE_URL) : openPglite()), 'local')
  client = new RDSDataClient({
    endpoint: `http://127.0.0.1:${server.port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  })
}, 30_000)

afterAll(async () => {
  client.destroy()
  await server.close()
})

function execute(sql: string, parameters: SqlParameter[] = [], rest: Partial<ExecuteStatementCommandInput> = {}) {
  return client.send(new ExecuteStatementCommand({ ...target, sql, parameters, ...rest }))
}

const text = (name: string, stringValue: string): SqlParameter => ({ name, value: { stringValue } })

describe('the RDS Data API of the local system: a returned field', () => {
  test.for([
    ['NULL', { isNull: true }],
    ['true', { booleanValue: true }],
    ['false', { booleanValue: false }],
    ['7::int2', { longValue: 7 }],
    ['-7', { longValue: -7 }],
    ['9007199254740991', { longValue: 9007199254740991 }],
    ['1.5::float8', { doubleValue: 1.5 }],
    ["'é'::text", { stringValue: 'é' }],
    ['1.50::numeric', { stringValue: '1.50' }],
    [`'{"a": 1e300}'::json`, { stringValue: '{"a": 1e300}' }],
    [`'{"a":1}'::jsonb`, { stringValue: '{"a": 1}' }],
    ["'2026-11-23 10:00:00.25+02'::timestamptz", { stringValue: '2026-11-23 08:00:00.25' }],
    ["'2026-11-23 10:00:00'::timestamp", { stringValue: '2026-11-23 10:00:00' }],
    ["'2026-11-23'::date", { stringValue: '2026-11-23' }],
    ["'00000000-0000-4000-8000-000000000000'::uuid", { stringValue: '00000000-0000-4000-8000-000000000000' }],
    ["'\\x00ff'::bytea", { blobValue: new Uint8Array([0, 255]) }],
    ["ARRAY['a', NULL, 'c d']", { arrayValue: { stringValues: ['a', null, 'c d'] } }],
    ['ARRAY[1, 2]', { arrayValue: { longValues: [1, 2] } }],
    ['ARRAY[true]', { arrayValue: { booleanValues: [true] } }],
    ['ARRAY[1.5]::float8[]', { arrayValue: { doubleValues: [1.5] } }],
  ])('the RDS Data API returns the SQL expression %s as %j', async ([expression, field]) => {
    const { records } = await execute(`SELECT ${expression} AS it`)
    expect(records).toEqual([[field]])
  })

  test('a statement that returns an array of arrays is refused', async () => {
    await expect(execute('SELECT ARRAY[[1], [2]]')).rejects.toMatchObject({ name: 'UnsupportedResultException' })
  })

  test('the metadata have the name of a field’s type, also of a type that was created after the server’s start', async () => {
    await execute('DROP TYPE IF EXISTS mood')
    await execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
    const { records, columnMetadata } = await execute("SELECT 'bad'::mood AS it", [], { includeResultMetadata: true })

    expect(records).toEqual([[{ stringValue: 'bad' }]])
    expect(columnMetadata).toMatchObject([{ name: 'it', label: 'it', typeName: 'mood' }])
  })

  test('a returned integer is a text, and a returned decimal is a number, if the call asks for this', async () => {
    const { records } = await execute('SELECT 7, 1.5, 3::numeric', [], {
      resultSetOptions: { longReturnType: 'STRING', decimalReturnType: 'DOUBLE_OR_LONG' },
    })
    expect(records).toEqual([[{ stringValue: '7' }, { doubleValue: 1.5 }, { longValue: 3 }]])
  })

  test('all records are returned as one JSON text if the call asks for this', async () => {
    const { formattedRecords, records } = await execute("SELECT 1 AS a, NULL AS b, 'x' AS c, ARRAY[1] AS d", [], {
      formatRecordsAs: 'JSON',
    })
    expect(records).toBeUndefined()
    expect(JSON.parse(formattedRecords ?? '')).toEqual([{ a: 1, b: null, c: 'x', d: [1] }])
  })
})

describe('the RDS Data API of the local system: a parameter', () => {
  test.for([
    [{ stringValue: 'x' }, undefined, 'text'],
    [{ longValue: 7 }, undefined, 'bigint'],
    [{ doubleValue: 1.5 }, undefined, 'double precision'],
    [{ booleanValue: true }, undefined, 'boolean'],
    [{ blobValue: new Uint8Array([1]) }, undefined, 'bytea'],
    [{ stringValue: '{"a": 1}' }, 'JSON', 'json'],
    [{ stringValue: '00000000-0000-4000-8000-000000000000' }, 'UUID', 'uuid'],
    [{ stringValue: '2026-11-23 10:00:00.123' }, 'TIMESTAMP', 'timestamp without time zone'],
    [{ stringValue: '2026-11-23' }, 'DATE', 'date'],
    [{ stringValue: '10:00:00' }, 'TIME', 'time without time zone'],
    [{ stringValue: '1.50' }, 'DECIMAL', 'numeric'],
    [{ isNull: true }, 'UUID', 'uuid'],
  ] as const)('the parameter %j with the type hint %s has the SQL type %s', async ([value, typeHint, type]) => {
    const parameter: SqlParameter = { name: 'it', value, ...(typeHint && { typeHint }) }
    const { records } = await execute('SELECT pg_typeof(:it)::text, :it', [parameter])

    expect(records?.[0]?.[0]).toEqual({ stringValue: type })
    if (!('isNull' in value)) expect(records?.[0]?.[1]).toEqual(value)
  })

  test('a parameter that is null can be written into a column of any type', async () => {
    await execute('DROP TABLE IF EXISTS nulls')
    await execute('CREATE TABLE nulls (a int, b json, c timestamptz)')
    const nothing = (name: string): SqlParameter => ({ name, value: { isNull: true } })
    await execute('INSERT INTO nulls VALUES (:a, :b, :c)', [nothing('a'), nothing('b'), nothing('c')])

    expect((await execute('SELECT * FROM nulls')).records).toEqual([
      [{ isNull: true }, { isNull: true }, { isNull: true }],
    ])
  })

  test.for([
    [[], 'Cannot find parameter: it'],
    [[{ name: 'it', value: { stringValue: '2026-11-23T10:00:00Z' }, typeHint: 'TIMESTAMP' }], 'is not a TIMESTAMP'],
    [[{ name: 'it', value: { longValue: 1 }, typeHint: 'DECIMAL' }], 'but only a stringValue may have one'],
    [[{ name: 'it', value: { arrayValue: { longValues: [1] } } }], 'parameters'],
  ] as [SqlParameter[], string][])(
    'a call with the parameters %j is refused, because one is missing or wrong',
    async ([parameters, message]) => {
      const refused = execute('SELECT :it', parameters)
      await expect(refused).rejects.toMatchObject({
        name: 'BadRequestException',
        message: expect.stringContaining(message),
      })
    },
  )
})

describe('the RDS Data API of the local system: a statement', () => {
  beforeEach(async () => {
    await execute('DROP TABLE IF EXISTS things')
    await execute('CREATE TABLE things (id text PRIMARY KEY, at timestamptz, count int)')
  })

  test('returns the number of changed rows', async () => {
    const { numberOfRecordsUpdated, generatedFields, records } = await execute("INSERT INTO things VALUES ('a'), ('b')")
    expect({ numberOfRecordsUpdated, generatedFields, records }).toEqual({
      numberOfRecordsUpdated: 2,
      generatedFields: [],
      records: undefined,
    })
    expect((await execute('SELECT * FROM things')).numberOfRecordsUpdated).toBe(0)
  })

  test('a statement with RETURNING returns the values that it names', async () => {
    const { records } = await execute('INSERT INTO things (id, count) VALUES (:id, :n) RETURNING id, count', [
      text('id', 'a'),
      { name: 'n', value: { longValue: 3 } },
    ])
    expect(records).toEqual([[{ stringValue: 'a' }, { longValue: 3 }]])
  })

  test.for([
    ['SELECT * FROM nowhere', /^ERROR: relation "nowhere" does not exist; Position: 15; SQLState: 42P01$/],
    ["INSERT INTO things VALUES ('a'), ('a')", /duplicate key .*; SQLState: 23505$/],
    ['SELECT 1; SELECT 2', /SQLState: 42601$/],
    [`SELECT '"\\u0000"'::jsonb`, /SQLState: 22P05$/],
  ] as const)('the error of a failed statement has its SQLState: %s', async ([sql, message]) => {
    const failed = execute(sql)
    await expect(failed).rejects.toBeInstanceOf(DatabaseErrorException)
    await expect(failed).rejects.toThrow(message)
  })

  test('a statement that writes a text parameter without a type hint into a timestamp column fails, as on AWS', async () => {
    await expect(
      execute('INSERT INTO things (id, at) VALUES (:a, :a)', [text('a', '2026-11-23 10:00:00')]),
    ).rejects.toThrow(/column "at" is of type timestamp with time zone but expression is of type text.*SQLState: 42804/)
  })

  test.for([
    ["SELECT repeat('x', 65537)", 'a row over 64 KB'],
    ["SELECT repeat('x', 60000) FROM generate_series(1, 20)", 'a result over 1 MiB'],
  ])('the statement %s fails with BadRequestException, since it returns %s', async ([sql]) => {
    await expect(execute(sql as string)).rejects.toMatchObject({
      name: 'BadRequestException',
      message: 'Database returned more than the allowed response size limit',
    })
  })

  test('a statement over 4 MiB, with its parameters, is refused', async () => {
    const refused = execute('SELECT length(:a)', [text('a', 'x'.repeat(4 * 1024 * 1024))])
    await expect(refused).rejects.toMatchObject({ $metadata: { httpStatusCode: 413 } })
  })
})

describe('the RDS Data API of the local system: a transaction', () => {
  beforeEach(async () => {
    await execute('DROP TABLE IF EXISTS rows')
    await execute('CREATE TABLE rows (id int)')
  })

  const begin = async () => (await client.send(new BeginTransactionCommand(target))).transactionId ?? ''
  const count = async () => (await execute('SELECT count(*) FROM rows')).records?.[0]?.[0]?.longValue

  test('that is committed is visible to other calls, which have waited for its end', async () => {
    const transactionId = await begin()
    await execute('INSERT INTO rows VALUES (1)', [], { transactionId })
    const counted = count()
    const { transactionStatus } = await client.send(new CommitTransactionCommand({ ...target, transactionId }))

    expect(transactionStatus).toBe('Transaction Committed')
    expect(await counted).toBe(1)
  })

  test('a transaction that is rolled back leaves no changes', async () => {
    const transactionId = await begin()
    await execute('INSERT INTO rows VALUES (1)', [], { transactionId })
    const { transactionStatus } = await client.send(new RollbackTransactionCommand({ ...target, transactionId }))

    expect(transactionStatus).toBe('Rollback Complete')
    expect(await count()).toBe(0)
  })

  test('a call that names an ended transaction fails with TransactionNotFoundException', async () => {
    const transactionId = await begin()
    await client.send(new CommitTransactionCommand({ ...target, transactionId }))

    await expect(execute('SELECT 1', [], { transactionId })).rejects.toMatchObject({
      name: 'TransactionNotFoundException',
    })
  })
})
