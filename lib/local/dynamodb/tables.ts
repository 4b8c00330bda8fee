import { createRequire } from 'node:module'
import db, { type Store } from 'dynalite/db/index.js'
import validations from 'dynalite/validations/index.js'
import type { Answer } from '../emulators/calls.ts'
import { messageOf } from '../error.ts'
import { rememberExpressions, type Written } from './expressions.ts'
import { itemOperations } from './items.ts'
import { keepRecords } from './records.ts'
import type { ItemCall } from './types.ts'
import { isWellFormed } from './well-formed.ts'

/** The tables of the local DynamoDB. */
export interface Tables {
  /** Performs an operation. The body is the JSON of DynamoDB's API. Resolves when all writes that the answer depends on are on disk. */
  call(operation: string, body: string): Promise<Answer>
  close(): Promise<void>
}

type Action = (store: Store, call: object, callback: (error: unknown, answer?: object) => void) => void
interface Operation {
  readonly types: object
  readonly custom?: unknown
  readonly act: Action
}

const OPERATIONS = [
  'BatchGetItem',
  'BatchWriteItem',
  'CreateTable',
  'DeleteItem',
  'DeleteTable',
  'DescribeTable',
  'DescribeTimeToLive',
  'GetItem',
  'ListTables',
  'ListTagsOfResource',
  'PutItem',
  'Query',
  'Scan',
  'TagResource',
  'UntagResource',
  'UpdateItem',
  'UpdateTable',
]

/** The parameters that DynamoDB had before it had expressions. If a call has such a parameter, dynalite itself performs the call. */
const OLD_PARAMETERS = ['Expected', 'AttributeUpdates', 'AttributesToGet']

/**
 * Opens the tables in a folder, or new tables in memory. The tables are those of dynalite, an emulator of DynamoDB: with its format on disk, checks,
 * parsers and errors. But nearly all calls of Sluice are for one item. So `itemOperations` performs such calls faster, by the same rules (ADR 0049).
 */
export async function openTables(folder?: string): Promise<Tables> {
  const store = db.create({ ...(folder && { path: folder }), createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  await store.db.open()
  const records = keepRecords(store.db)
  const items: Readonly<Record<string, (call: ItemCall) => string>> = itemOperations(records, store.options.maxItemSize)
  const operations = new Map(OPERATIONS.map(name => [name, operationOf(name)]))
  const expressionsOf = rememberExpressions()

  function perform(name: string, body: string): string | Promise<string> {
    const operation = operations.get(name)
    if (!operation) throw refusal('com.amazon.coral.service#UnknownOperationException')
    const call = parsed(body)
    const itemOperation = items[name]
    const expressions = itemOperation && isWellFormed(name, call) ? expressionsOf(call as Written) : undefined
    if (itemOperation && expressions) return itemOperation({ ...(call as unknown as ItemCall), ...expressions })
    return performSlowly(name, operation, call)
  }

  /** Performs a call after dynalite's own checks, which may change the call's parameters. */
  function performSlowly(name: string, { types, custom, act }: Operation, call: Record<string, unknown>) {
    // dynalite's checks do not know this parameter and drop it. So it is added again below.
    const { ReturnValuesOnConditionCheckFailure } = call
    const checked = validations.checkTypes(call, types)
    validations.checkValidations(checked, types, custom, store)
    const itemOperation = items[name]
    if (itemOperation && OLD_PARAMETERS.every(parameter => checked[parameter] === undefined))
      return itemOperation({
        ...(checked as unknown as ItemCall),
        ...(ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && { ReturnValuesOnConditionCheckFailure }),
      })
    return actOnDisk(act, checked)
  }

  /**
   * Lets dynalite perform a call. dynalite reads ranges of records from the disk. So it begins only when all earlier writes are on disk. Otherwise a query
   * would miss records that are already written and answered.
   */
  async function actOnDisk(act: Action, call: object): Promise<string> {
    await records.durable()
    return new Promise((resolve, reject) => {
      act(store, call, (error, answer) => (error ? reject(error) : resolve(JSON.stringify(answer ?? {}))))
    })
  }

  return {
    async call(operation, body) {
      const answer = await settled(() => perform(operation, body))
      try {
        await records.durable()
      } catch (error) {
        return failed(error)
      }
      return answer
    },
    async close() {
      await records.durable()
      await new Promise<void>((resolve, reject) => {
        store.db.close(error => (error ? reject(error) : resolve()))
      })
    },
  }
}

/** Loads dynalite's code for an operation. dynalite has a file for each operation. `require` is used, since `import` of a variable path is asynchronous. */
function operationOf(name: string): Operation {
  const require = createRequire(import.meta.url)
  const file = name.charAt(0).toLowerCase() + name.slice(1)
  return { ...require(`dynalite/validations/${file}.js`), act: require(`dynalite/actions/${file}.js`) }
}

function parsed(body: string): Record<string, unknown> {
  let call: unknown
  try {
    call = JSON.parse(body)
  } catch {
    throw refusal('com.amazon.coral.service#SerializationException')
  }
  if (typeof call === 'object' && call !== null && !Array.isArray(call)) return call as Record<string, unknown>
  throw refusal('com.amazon.coral.service#SerializationException')
}

const refusal = (type: string): object => ({ statusCode: 400, body: { __type: type } })

async function settled(perform: () => string | Promise<string>): Promise<Answer> {
  try {
    return { status: 200, body: await perform() }
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'statusCode' in error && 'body' in error)
      return { status: Number(error.statusCode), body: JSON.stringify(error.body) }
    return failed(error)
  }
}

const failed = (error: unknown): Answer => ({
  status: 500,
  body: JSON.stringify({
    __type: 'InternalServerError',
    message: `The tables failed at this call: ${messageOf(error)}`,
  }),
})
