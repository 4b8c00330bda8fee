import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import dynalite from 'dynalite'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTables, type Tables } from '../../../lib/local/dynamodb/tables.ts'
import { authorizationOf } from '../../../lib/local/trust/access-key.ts'

/** An operation and its parameters. */
type Call = readonly [operation: string, parameters: object]
interface Answer {
  status: number
  body: unknown
}

const table = {
  AttributeDefinitions: ['pk', 'sk', 'watched'].map(AttributeName => ({ AttributeName, AttributeType: 'S' })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'watched',
      KeySchema: [{ AttributeName: 'watched', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  BillingMode: 'PAY_PER_REQUEST',
}

const number = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map(String),
  fc.constantFrom('0.5', '-0.25', '12345678901234567890123456789012345678', '1e3', '007', '-0', '1.50', '', 'x'),
)
const text = fc.constantFrom('', 'a', 'b', 'ab', 'ü', '😀')
const scalar = fc.oneof(
  number.map(N => ({ N })),
  text.map(S => ({ S })),
  fc.boolean().map(Bool => ({ BOOL: Bool })),
  fc.constantFrom(
    { NULL: true },
    { NULL: false },
    { B: 'YQ==' },
    { NS: ['1', '2'] },
    { SS: [] },
    {},
    { S: 'a', N: '1' },
  ),
  fc.subarray(['a', 'b', 'c']).map(Ss => ({ SS: Ss })),
)
const value = fc.letrec<{ value: object; item: object }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }).map(L => ({ L })),
    tie('item').map(M => ({ M })),
  ),
  item: fc.dictionary(fc.constantFrom('a', 'b', 'n', 'open'), tie('value'), { maxKeys: 3 }),
})).value

const numbered = fc.integer({ min: 0, max: 9 }).map(n => ({ N: String(n) }))
/** A value of the kinds that calls to DynamoDB usually have. */
const usual = fc.constantFrom<object>(
  { N: '1' },
  { N: '5' },
  { S: 'a' },
  { L: [{ N: '1' }] },
  { M: {} },
  { M: { x: { N: '1' } } },
)
const key = fc.record({ pk: fc.constantFrom({ S: 'p' }, { S: 'q' }), sk: fc.constantFrom({ S: '1' }, { S: '2' }) })
const path = fc.constantFrom('a', 'n', '#a', '#n.x', 'open.#id', '#open.#id', 'l[0]', 'l[7]', '#l[1].x', 'watched')
const operand = fc.oneof(path, fc.constantFrom(':v', ':w', 'size(open)', 'size(#l)'))
const comparison = fc.oneof(
  fc.tuple(operand, fc.constantFrom('=', '<>', '<', '<=', '>', '>='), operand).map(parts => parts.join(' ')),
  path.map(p => `attribute_exists(${p})`),
  path.map(p => `attribute_not_exists(${p})`),
  // The second operand is never a path: dynalite’s process ends if both operands are paths that do not exist.
  path.map(p => `begins_with(${p}, :v)`),
  fc.tuple(path, operand).map(([p, o]) => `contains(${p}, ${o})`),
  path.map(p => `${p} BETWEEN :v AND :w`),
  path.map(p => `${p} IN (:v, :w)`),
)
const condition = fc
  .array(fc.tuple(fc.constantFrom('AND', 'OR', 'AND NOT'), comparison), { minLength: 1, maxLength: 3 })
  .map(parts => parts.flatMap(([word, one], i) => (i === 0 ? [one] : [word, one])).join(' '))
const assigned = fc.oneof(
  fc.constantFrom(':v', ':w', 'a', 'n', ':v + :w', 'n + :v', 'n - :v'),
  fc.tuple(path, fc.constantFrom(':v', ':w')).map(([p, v]) => `if_not_exists(${p}, ${v})`),
  fc.constantFrom('list_append(l, :v)', 'list_append(:w, #l)'),
)
const anyUpdate = fc
  .record({
    SET: fc.array(
      fc.tuple(path, assigned).map(([p, a]) => `${p} = ${a}`),
      { maxLength: 3 },
    ),
    REMOVE: fc.array(path, { maxLength: 2 }),
    ADD: fc.array(
      path.map(p => `${p} :v`),
      { maxLength: 1 },
    ),
    DELETE: fc.array(
      path.map(p => `${p} :w`),
      { maxLength: 1 },
    ),
  })
  .map(sections =>
    Object.entries(sections)
      .flatMap(([word, changes]) => (changes.length > 0 ? [`${word} ${changes.join(', ')}`] : []))
      .join(' '),
  )
/** Updates that DynamoDB accepts for most items of these tests, such as the updates of quota items and request items. */
const usualUpdate = fc.constantFrom(
  'SET open.#id = :w, n = n + :v',
  'SET a = :v, #a2 = :w REMOVE open.#id',
  'SET n = if_not_exists(n, :v), watched = :s',
  'SET l = list_append(l, :list), l[7] = :v REMOVE watched',
  'ADD n :v, names :set SET nested = :map',
  'DELETE names :set SET #n.x = :w, #n.y = :v',
  'REMOVE open.#id, l[0], missing',
)
const update = fc.oneof({ weight: 3, arbitrary: usualUpdate }, { weight: 1, arbitrary: anyUpdate })
const NAMES = { '#a': 'a', '#a2': 'a2', '#n': 'nested', '#id': 'id-1', '#open': 'open', '#l': 'l' }

/** Adds the names and values that the expressions use. Without them, most calls would be refused by the first check. */
function withUsed(parameters: Record<string, unknown>, v: object, w: object): object {
  const texts = Object.entries(parameters).filter(([name]) => name.endsWith('Expression'))
  const used = new Set(texts.flatMap(([, expression]) => String(expression).match(/[#:]\w+/g) ?? []))
  const usualValues = { ':s': { S: 'yes' }, ':list': { L: [v] }, ':set': { SS: ['a', 'c'] }, ':map': { M: { x: w } } }
  const of = (all: object) => Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name)))
  const [names, values] = [of(NAMES), of({ ':v': v, ':w': w, ...usualValues })]
  return {
    ...parameters,
    ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  }
}

const anyValue = fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: value })
const item = fc
  .record(
    {
      a: anyValue,
      n: anyValue,
      nested: anyValue,
      open: anyValue,
      l: anyValue,
      watched: fc.constantFrom({ S: 'yes' }, { S: 'no' }),
    },
    { requiredKeys: [] },
  )
  .chain(attributes => key.map(keys => ({ ...attributes, ...keys })))
const option = (...values: string[]) => fc.option(fc.constantFrom(...values), { nil: undefined })
const ConditionExpression = fc.option(condition, { nil: undefined, freq: 1 })
const write = { ConditionExpression, ReturnConsumedCapacity: option('TOTAL') }
const call: fc.Arbitrary<Call> = fc
  .tuple(
    fc.oneof(
      fc.record({ ...write, Item: item, ReturnValues: option('ALL_OLD') }).map(p => ['PutItem', p] as const),
      fc
        .record({
          ...write,
          Key: key,
          UpdateExpression: update,
          ReturnValues: option('ALL_NEW', 'ALL_OLD', 'UPDATED_NEW', 'UPDATED_OLD'),
        })
        .map(p => ['UpdateItem', p] as const),
      fc.record({ ...write, Key: key, ReturnValues: option('ALL_OLD') }).map(p => ['DeleteItem', p] as const),
      fc
        .record({ Key: key, ProjectionExpression: fc.option(path, { nil: undefined }) })
        .map(p => ['GetItem', p] as const),
    ),
    fc.oneof({ weight: 3, arbitrary: numbered }, { weight: 1, arbitrary: anyValue }),
    anyValue,
  )
  .map(([[operation, parameters], v, w]) => {
    const given = Object.fromEntries(Object.entries(parameters).filter(([, p]) => p !== undefined))
    return [operation, withUsed(given, v, w)]
  })

const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
let tables: Tables
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  tables = await openTables()
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await tables.close()
})

async function ofDynalite([operation, parameters]: Call): Promise<Answer> {
  const { port } = server.address() as AddressInfo
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    authorization: authorizationOf('local'),
    'x-amz-date': '20261127T000000Z',
    'x-amz-target': `DynamoDB_20120810.${operation}`,
  }
  const response = await fetch(`http://127.0.0.1:${port}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(parameters),
  })
  return { status: response.status, body: await response.json() }
}

async function ofTables([operation, parameters]: Call): Promise<Answer> {
  const { status, body } = await tables.call(operation, JSON.stringify(parameters))
  return { status, body: JSON.parse(body) }
}

/** Creates a table, and waits until it can be used. */
async function create(make: (call: Call) => Promise<Answer>, TableName: string): Promise<void> {
  await make(['CreateTable', { ...table, TableName }])
  await expect
    .poll(() => make(['DescribeTable', { TableName }]), { interval: 1 })
    .toMatchObject({ body: { Table: { TableStatus: 'ACTIVE' } } })
}

const everything: Call[] = [
  ['Scan', {}],
  ['Scan', { IndexName: 'watched' }],
]

describe('the DynamoDB tables of the local system', () => {
  it('give the same answers as dynalite, another emulator, and have the same items and index entries at the end', async () => {
    let written = 0
    let tablesMade = 0
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async calls => {
        const TableName = `table-${tablesMade++}`
        const onTable = ([operation, parameters]: Call): Call => [operation, { ...parameters, TableName }]
        for (const make of [ofDynalite, ofTables]) await create(make, TableName)
        for (const made of calls.map(onTable)) {
          const expected = await ofDynalite(made)
          expect(await ofTables(made), JSON.stringify(made)).toEqual(expected)
          if (expected.status === 200 && made[0] !== 'GetItem') written++
        }
        for (const scan of everything.map(onTable)) expect(await ofTables(scan)).toEqual(await ofDynalite(scan))
      }),
      { numRuns: 40 },
    )
    expect(written).toBeGreaterThan(30)
  })
})
