import db, { type Refusal } from 'dynalite/db/index.js'
import type { Records } from './records.ts'
import type { Index, Item, ItemCall, Table, Value } from './types.ts'
import { updated } from './update.ts'

/**
 * The operations for one item. Each operation takes a call whose parameters are checked. It returns the body of the answer, or throws the refusal with
 * which dynalite, the emulator of DynamoDB, would answer.
 */
export type ItemOperations = Readonly<
  Record<'GetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem', (call: ItemCall) => string>
>

export function itemOperations(records: Records, maxItemSize: number): ItemOperations {
  const tableOf = (name: string): Table => {
    const record = records.read(`table~${name}`)
    if (record) record.value ??= JSON.parse(record.text)
    const table = record?.value as Table | undefined
    if (!table?.TableStatus || table.TableStatus === 'CREATING' || table.TableStatus === 'DELETING') throw noTable()
    return table
  }

  const itemAt = (key: string): Stored | undefined => {
    const record = records.read(key)
    if (!record) return undefined
    record.value ??= JSON.parse(record.text)
    return { text: record.text, item: record.value as Item }
  }

  function putItem(call: ItemCall): string {
    const table = tableOf(call.TableName)
    const { Item: item = {} } = call
    refuseIf(db.validateItem(item, table))
    const text = JSON.stringify(item)
    refuseLarge(item, text, 'Item size has exceeded the maximum allowed size')
    const key = keyOf(item, table)
    const old = itemAt(key)
    checkCondition(call, old)
    updateIndexes(records, table, old?.item, item)
    records.write(key, text, item)
    return answerTo(call, old, { ...(call.ReturnValues === 'ALL_OLD' && old && { Attributes: old.item }) }, item)
  }

  function updateItem(call: ItemCall): string {
    const table = tableOf(call.TableName)
    const { Key = {}, _updates } = call
    refuseIf(db.validateKey(Key, table))
    refuseIf(db.validateUpdates(undefined, _updates, table))
    const key = keyOf(Key, table)
    const old = itemAt(key)
    checkCondition(call, old)
    const item = updated(old?.item ?? Key, _updates?.sections ?? [], table)
    const text = JSON.stringify(item)
    refuseLarge(item, text, 'Item size to update has exceeded the maximum allowed size')
    updateIndexes(records, table, old?.item, item)
    records.write(key, text, item)
    return answerTo(call, old, attributesOf(call, old?.item, item), item)
  }

  function deleteItem(call: ItemCall): string {
    const table = tableOf(call.TableName)
    const { Key = {} } = call
    refuseIf(db.validateKey(Key, table))
    const key = keyOf(Key, table)
    const old = itemAt(key)
    checkCondition(call, old)
    if (old) {
      updateIndexes(records, table, old.item, undefined)
      records.remove(key)
    }
    return answerTo(call, old, { ...(call.ReturnValues === 'ALL_OLD' && old && { Attributes: old.item }) })
  }

  function getItem(call: ItemCall): string {
    const table = tableOf(call.TableName)
    const { Key = {}, _projection } = call
    refuseIf(db.validateKey(Key, table))
    refuseIf(db.validateKeyPaths(_projection?.nestedPaths, table))
    const record = records.read(keyOf(Key, table))
    if (record && !_projection && !countsCapacity(call)) return `{"Item":${record.text}}`
    const item = record && (JSON.parse(record.text) as Item)
    const Item = item && _projection ? db.mapPaths(_projection.paths, item) : item
    return JSON.stringify({ Item, ConsumedCapacity: db.addConsumedCapacity(call, true, item) })
  }

  function refuseLarge(item: Item, text: string, message: string): void {
    // An item is never larger than its JSON text. So the slower computation of the item's size is needed only for a long text.
    if (text.length > maxItemSize && db.itemSize(item) > maxItemSize) throw db.validationError(message)
  }

  return { GetItem: getItem, PutItem: putItem, UpdateItem: updateItem, DeleteItem: deleteItem }
}

interface Stored {
  readonly text: string
  readonly item: Item
}

const keyOf = (key: Item, table: Table): string => `item-${table.TableName}~${db.createKey(key, table)}`

function refuseIf(refusal: Refusal | null | undefined): void {
  if (refusal) throw refusal
}

const refusal = (type: string, message: string, more?: object): Refusal =>
  Object.assign(new Error(message), {
    statusCode: 400,
    body: { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message, ...more },
  })

const noTable = (): Refusal => refusal('ResourceNotFoundException', 'Requested resource not found')

/** Refuses a call whose condition does not hold. If the caller asks for it, the refusal contains the item. */
function checkCondition({ _condition, ReturnValuesOnConditionCheckFailure }: ItemCall, old: Stored | undefined): void {
  if (!_condition || db.matchesExprFilter(old?.item ?? {}, _condition.expression)) return
  const wanted = ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && old ? { Item: old.item } : undefined
  throw refusal('ConditionalCheckFailedException', 'The conditional request failed', wanted)
}

function attributesOf({ ReturnValues, _updates }: ItemCall, old: Item | undefined, item: Item): object {
  const paths = _updates?.paths ?? []
  if (ReturnValues === 'ALL_NEW') return { Attributes: item }
  if (ReturnValues === 'UPDATED_NEW') return { Attributes: db.mapPaths(paths, item) }
  if (ReturnValues === 'ALL_OLD' && old) return { Attributes: old }
  if (ReturnValues === 'UPDATED_OLD' && old) return { Attributes: db.mapPaths(paths, old) }
  return {}
}

const countsCapacity = ({ ReturnConsumedCapacity = 'NONE' }: ItemCall): boolean => ReturnConsumedCapacity !== 'NONE'

const answerTo = (call: ItemCall, old: Stored | undefined, answer: object, item?: Item): string =>
  JSON.stringify(
    countsCapacity(call)
      ? { ...answer, ConsumedCapacity: db.addConsumedCapacity(call, false, old?.item, item) }
      : answer,
  )

function updateIndexes(records: Records, table: Table, old: Item | undefined, item: Item | undefined): void {
  const { LocalSecondaryIndexes = [], GlobalSecondaryIndexes = [] } = table
  updateEach('local', LocalSecondaryIndexes)
  updateEach('global', GlobalSecondaryIndexes)

  function updateEach(kind: 'local' | 'global', indexes: readonly Index[]): void {
    const changed = indexes.filter(index => !isSame(index, table, old, item))
    if (changed.length === 0) return
    const { puts, deletes } = db.getIndexActions(changed, old, item, table)
    const keyIn = (name: string, key: string) => `index-${kind}~${table.TableName}~${name}~${key}`
    for (const { index, key } of deletes) records.remove(keyIn(index, key))
    for (const put of puts) {
      const text = JSON.stringify(put.item)
      records.write(keyIn(put.index, put.key), text, JSON.parse(text))
    }
  }
}

/**
 * Whether the old and the new item have the same entry in an index. If the answer is no, the entry is written again. So the answer may be no for
 * equal entries. But it must never be yes for different entries: a query of the index would then return an old value.
 */
function isSame(
  { KeySchema, Projection }: Index,
  table: Table,
  old: Item | undefined,
  item: Item | undefined,
): boolean {
  if (!old || !item || Projection.ProjectionType === 'ALL') return false
  const names = [...table.KeySchema, ...KeySchema].map(({ AttributeName }) => AttributeName)
  return [...names, ...(Projection.NonKeyAttributes ?? [])].every(name => sameScalar(old[name], item[name]))
}

const sameScalar = (a: Value | undefined, b: Value | undefined): boolean =>
  a === b || (a?.S !== undefined && a.S === b?.S) || (a?.N !== undefined && a.N === b?.N)
