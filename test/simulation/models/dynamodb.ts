import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ResourceNotFoundException,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import {
  get,
  InvalidExpression,
  type Item,
  type Path,
  parseCondition,
  parseProjection,
  parseUpdate,
  type Scope,
  withAt,
} from './expression.ts'

/** Is called with the item before and after each write. */
export type OnWrite = (table: string, before: Item | undefined, after: Item) => void

interface Table {
  readonly keys: readonly string[]
  readonly items: Map<string, Item>
  /** Each item before its last write. An eventually consistent read may return this state. */
  readonly earlier: Map<string, Item>
}

export interface DynamoDbModel {
  /**
   * Executes a command immediately. Throws the SDK's exceptions. If `isLate` returns true, an eventually consistent read does not see the
   * last write of each item.
   */
  execute(command: unknown, isLate?: () => boolean): unknown
  /** The items of a table, in no order. */
  items(table: string): Iterable<Item>
}

/** The page size of a scan. It is so small that other writes happen between two pages. */
const SCAN_PAGE = 2

type Execute<Input> = (input: Input) => unknown

/** A model of DynamoDB for the simulation. It evaluates the expressions of the adapters exactly, and throws for any other command. */
export function dynamoDbModel(
  schema: Readonly<Record<string, readonly string[]>>,
  onWrite: OnWrite = () => {},
): DynamoDbModel {
  const tables = new Map<string, Table>(
    Object.entries(schema).map(([name, keys]) => [
      name,
      { keys, items: new Map<string, Item>(), earlier: new Map<string, Item>() },
    ]),
  )
  const tableOf = (name: string | undefined): Table => {
    const table = tables.get(name ?? '')
    if (!table) throw new ResourceNotFoundException({ message: `no table ${name}`, $metadata: {} })
    return table
  }
  const keyOf = ({ keys }: Table, item: Item) => keys.map(key => item[key]?.S ?? invalid(`no key ${key}`)).join('\n')

  const getItem = (input: GetItemCommand['input'], isLate: () => boolean) => {
    const table = tableOf(input.TableName)
    const seen = !input.ConsistentRead && isLate() ? table.earlier : table.items
    return { Item: seen.get(keyOf(table, input.Key ?? {})) }
  }

  const putItem: Execute<PutItemCommand['input']> = input => {
    const table = tableOf(input.TableName)
    const item = input.Item ?? {}
    const key = keyOf(table, item)
    const before = table.items.get(key)
    const condition = input.ConditionExpression
    allAreUsed(input, condition ? [parseCondition(condition).placeholders] : [])
    if (condition) check(input, before)
    write(table, key, item)
    onWrite(input.TableName ?? '', before, item)
    return {}
  }

  const updateItem: Execute<UpdateItemCommand['input']> = input => {
    const table = tableOf(input.TableName)
    const key = input.Key ?? {}
    const before = table.items.get(keyOf(table, key))
    const { result: actions, placeholders } = parseUpdate(input.UpdateExpression ?? '')
    const condition = input.ConditionExpression
    allAreUsed(input, [placeholders, ...(condition ? [parseCondition(condition).placeholders] : [])])
    if (condition) check(input, before)
    const scope = scopeOf(input, before ?? key)
    const sets = actions.sets.map(({ path, value }) => ({
      path: path(scope),
      value: value(scope) ?? missing(path(scope)),
    }))
    const removes = actions.removes.map(path => path(scope))
    refuseOverlaps([...sets.map(({ path }) => path), ...removes])
    let after = scope.item
    for (const { path, value } of sets) after = withAt(after, path, value)
    for (const path of removes) after = withAt(after, path, undefined)
    write(table, keyOf(table, key), after)
    onWrite(input.TableName ?? '', before, after)
    if (input.ReturnValues === 'ALL_NEW') return { Attributes: after }
    if (input.ReturnValues !== 'UPDATED_NEW') return {}
    return {
      Attributes: only(
        after,
        sets.map(({ path }) => path),
      ),
    }
  }

  const query: Execute<QueryCommand['input']> = input => {
    if (!input.ConsistentRead) invalid('only consistent reads are modelled')
    const table = tableOf(input.TableName)
    const { result: matches } = parseCondition(input.KeyConditionExpression ?? '')
    const sortKey = table.keys[1] ?? ''
    const found = [...table.items.values()]
      .filter(item => matches(scopeOf(input, item)))
      .sort((a, b) => ((a[sortKey]?.S ?? '') < (b[sortKey]?.S ?? '') ? -1 : 1))
    const ordered = input.ScanIndexForward === false ? found.reverse() : found
    const page = ordered.slice(0, input.Limit)
    // As in DynamoDB, a full page has a LastEvaluatedKey even if no item follows. So the next page may be empty.
    return { Items: page, LastEvaluatedKey: page.length === input.Limit ? page.at(-1) : undefined }
  }

  /** Scans an index, whose name is the name of its attribute. The index has the items that have this attribute: now or, if late, before their last write. */
  const scan = (input: ScanCommand['input'], isLate: () => boolean) => {
    const table = tableOf(input.TableName)
    const attribute = input.IndexName ?? invalid('only scans of an index are modelled')
    const seen = [...(isLate() ? table.earlier : table.items)].filter(([, item]) => item[attribute])
    const entries = new Map(seen)
    const keys = [...entries.keys()].sort()
    const start = input.ExclusiveStartKey ? keys.findIndex(key => key > keyOf(table, input.ExclusiveStartKey ?? {})) : 0
    const page = start === -1 ? [] : keys.slice(start, start + SCAN_PAGE)
    const items = page.map(key => entries.get(key) ?? {})
    const { result: paths } = parseProjection(input.ProjectionExpression ?? '')
    const more = start !== -1 && start + SCAN_PAGE < keys.length
    return {
      Items: items.map(item =>
        only(
          item,
          paths.map(path => path(scopeOf(input, item))),
        ),
      ),
      LastEvaluatedKey: more ? items.at(-1) : undefined,
    }
  }

  /** Reads each item in its current state or, if the read is late, in its state before its last write. */
  const batchGetItem = ({ RequestItems = {} }: BatchGetItemCommand['input'], isLate: () => boolean) => ({
    Responses: Object.fromEntries(
      Object.entries(RequestItems).map(([name, { Keys = [] }]) => {
        const table = tableOf(name)
        const seen = Keys.map(key => (isLate() ? table.earlier : table.items).get(keyOf(table, key)))
        return [name, seen.filter(item => item !== undefined)]
      }),
    ),
  })

  return {
    items: name => tableOf(name).items.values(),
    execute: (command, isLate = () => false) => {
      if (command instanceof GetItemCommand) return getItem(command.input, isLate)
      if (command instanceof PutItemCommand) return putItem(command.input)
      if (command instanceof UpdateItemCommand) return updateItem(command.input)
      if (command instanceof QueryCommand) return query(command.input)
      if (command instanceof ScanCommand) return scan(command.input, isLate)
      if (command instanceof BatchGetItemCommand) return batchGetItem(command.input, isLate)
      return invalid('this command is not modelled')
    },
  }
}

/** Makes a client that passes its calls to `send`. It has the SDK's class, because the SDK's paginators accept no other client. */
export const dynamoDbClient = (send: (command: unknown) => Promise<unknown>): DynamoDBClient =>
  Object.assign(Object.create(DynamoDBClient.prototype), { send })

function write({ items, earlier }: Table, key: string, item: Item): void {
  const before = items.get(key)
  if (before) earlier.set(key, before)
  items.set(key, item)
}

interface Conditional {
  readonly ConditionExpression?: string | undefined
  readonly ExpressionAttributeNames?: Record<string, string> | undefined
  readonly ExpressionAttributeValues?: Record<string, AttributeValue> | undefined
  readonly ReturnValuesOnConditionCheckFailure?: string | undefined
}

const scopeOf = (input: Conditional, item: Item): Scope => ({
  item,
  names: input.ExpressionAttributeNames ?? {},
  values: input.ExpressionAttributeValues ?? {},
})

function check(input: Conditional, item: Item | undefined): void {
  if (parseCondition(input.ConditionExpression ?? '').result(scopeOf(input, item ?? {}))) return
  const returned = input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && item ? { Item: item } : {}
  throw new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {}, ...returned })
}

function allAreUsed(input: Conditional, used: readonly ReadonlySet<string>[]): void {
  const given = [input.ExpressionAttributeNames, input.ExpressionAttributeValues].flatMap(of => Object.keys(of ?? {}))
  const unused = given.find(placeholder => !used.some(of => of.has(placeholder)))
  if (unused !== undefined) invalid(`unused in expressions: ${unused}`)
}

function refuseOverlaps(paths: readonly Path[]): void {
  for (const [i, a] of paths.entries())
    for (const b of paths.slice(i + 1)) {
      const common = Math.min(a.length, b.length)
      if (a.slice(0, common).every((step, at) => step === b[at])) invalid(`two document paths overlap: ${a}, ${b}`)
    }
}

/** The part of an item at these paths. */
function only(item: Item, paths: readonly Path[]): Item {
  let part: Item = {}
  for (const path of paths) {
    const value = get(item, path)
    if (value === undefined) continue
    for (let depth = 1; depth < path.length; depth++)
      if (!get(part, path.slice(0, depth))) part = withAt(part, path.slice(0, depth), { M: {} })
    part = withAt(part, path, value)
  }
  return part
}

const missing = (path: Path): never =>
  invalid(`the value for ${path.join('.')} refers to an attribute that is not there`)

function invalid(message: string): never {
  throw new InvalidExpression(message)
}
