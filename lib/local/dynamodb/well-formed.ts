import type { Item } from './types.ts'

type Test = (value: unknown) => boolean

const isText: Test = value => typeof value === 'string'
const oneOf =
  (...values: string[]): Test =>
  value =>
    typeof value === 'string' && values.includes(value)

const TABLE = /^[a-zA-Z0-9_.-]{3,255}$/
const WRITE = {
  ConditionExpression: isText,
  ExpressionAttributeNames: isNames,
  ExpressionAttributeValues: isValues,
  ReturnValuesOnConditionCheckFailure: oneOf('ALL_OLD', 'NONE'),
}
const TableName: Test = value => typeof value === 'string' && TABLE.test(value)

/**
 * The parameters of each operation, with their tests. If the tests of all parameters of a call hold, the call needs no check by dynalite, the emulator
 * of DynamoDB.
 */
const PARAMETERS: Readonly<Record<string, Readonly<Record<string, Test>>>> = {
  GetItem: {
    TableName,
    Key: isItem,
    ConsistentRead: value => typeof value === 'boolean',
    ProjectionExpression: isText,
    ExpressionAttributeNames: isNames,
  },
  PutItem: { TableName, Item: isItem, ReturnValues: oneOf('ALL_OLD', 'NONE'), ...WRITE },
  DeleteItem: { TableName, Key: isItem, ReturnValues: oneOf('ALL_OLD', 'NONE'), ...WRITE },
  UpdateItem: {
    TableName,
    Key: isItem,
    ReturnValues: oneOf('ALL_NEW', 'UPDATED_OLD', 'ALL_OLD', 'NONE', 'UPDATED_NEW'),
    UpdateExpression: isText,
    ...WRITE,
  },
}

/**
 * Whether dynalite's checks of a call would find no mistake and change nothing. This is a quick answer for calls in the usual form. For all other calls,
 * such as a call with a number in an unusual form, the answer is no, and dynalite's checks decide.
 */
export function isWellFormed(operation: string, call: Readonly<Record<string, unknown>>): boolean {
  const parameters = PARAMETERS[operation]
  if (!parameters) return false
  for (const name in call) if (!(Object.hasOwn(parameters, name) && parameters[name]?.(call[name]))) return false
  const hasItem = call.TableName !== undefined && (call.Key ?? call.Item) !== undefined
  const takesValues = call.UpdateExpression !== undefined || call.ConditionExpression !== undefined
  const takesNames = takesValues || call.ProjectionExpression !== undefined
  return (
    hasItem &&
    (takesValues || call.ExpressionAttributeValues === undefined) &&
    (takesNames || call.ExpressionAttributeNames === undefined)
  )
}

function isNames(value: unknown): boolean {
  return isObject(value) && entriesAre(value, /^#[0-9a-zA-Z_]+$/, name => isText(name) && name !== '')
}

function isValues(value: unknown): value is Item {
  return isObject(value) && entriesAre(value, /^:[0-9a-zA-Z_]+$/, isValue)
}

function isItem(value: unknown): value is Item {
  if (!isObject(value)) return false
  for (const name in value) if (!isValue(value[name])) return false
  return true
}

function entriesAre(object: Readonly<Record<string, unknown>>, key: RegExp, test: Test): boolean {
  let count = 0
  for (const name in object) {
    if (!key.test(name) || !test(object[name])) return false
    count++
  }
  return count > 0
}

/** A number in the form in which dynalite stores it. dynalite would rewrite any other form. */
const NUMBER = /^(?:0|-?[1-9]\d{0,17}|-?(?:0|[1-9]\d{0,17})\.\d{0,17}[1-9])$/

function isValue(value: unknown): boolean {
  if (!isObject(value)) return false
  const [type = '', ...others] = Object.keys(value)
  if (others.length > 0) return false
  const content = value[type]
  switch (type) {
    case 'S':
      return typeof content === 'string'
    case 'N':
      return typeof content === 'string' && NUMBER.test(content)
    case 'BOOL':
      return typeof content === 'boolean'
    case 'NULL':
      return content === true
    case 'M':
      return isItem(content)
    case 'L':
      return Array.isArray(content) && content.every(isValue)
    case 'SS':
      return isSet(content)
    default:
      return false
  }
}

const isSet = (content: unknown): boolean =>
  Array.isArray(content) && content.length > 0 && content.every(isText) && new Set(content).size === content.length

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
