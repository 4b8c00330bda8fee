/** A value in the form of DynamoDB's API. Each value has exactly one of these members. */
export interface Value {
  S?: string
  N?: string
  B?: string
  BOOL?: boolean
  NULL?: boolean
  SS?: string[]
  NS?: string[]
  BS?: string[]
  L?: Value[]
  M?: Item
}

export type Item = Record<string, Value>

/** The way to a value in an item: names of attributes, and positions in lists. */
export type Path = readonly (string | number)[]

export interface Index {
  readonly IndexName: string
  readonly KeySchema: readonly { readonly AttributeName: string }[]
  readonly Projection: { readonly ProjectionType: string; readonly NonKeyAttributes?: readonly string[] }
}

/** The description of a table, as dynalite (the emulator of DynamoDB) stores it. */
export interface Table {
  readonly TableName: string
  readonly TableStatus: string
  readonly KeySchema: readonly { readonly AttributeName: string }[]
  readonly AttributeDefinitions: readonly { readonly AttributeName: string; readonly AttributeType: keyof Value }[]
  readonly GlobalSecondaryIndexes?: readonly Index[]
  readonly LocalSecondaryIndexes?: readonly Index[]
}

/** An operand of an expression, as dynalite's parsers return it: a path, a value, or an operation on other operands. */
export type Operand = Path | Value | Operation
export interface Operation {
  readonly type: 'function' | 'add' | 'subtract'
  readonly name?: string
  readonly args: readonly Operand[]
}

/** A parsed condition. Only dynalite reads its members. */
export type Condition = object

/** One change of an update expression. */
export type Section =
  | { readonly type: 'set'; readonly path: Path; readonly val: Operand }
  | { readonly type: 'remove'; readonly path: Path }
  | {
      readonly type: 'add' | 'delete'
      readonly path: Path
      readonly val: Value
      readonly attrType: 'N' | 'SS' | 'NS' | 'BS'
    }

/** The result of dynalite's parsers for the expressions of a call. */
export interface Expressions {
  _updates?: { readonly sections: readonly Section[]; readonly paths: readonly Path[]; readonly nestedPaths: object }
  _condition?: { readonly expression: Condition; readonly nestedPaths: object }
  _projection?: { readonly paths: readonly Path[]; readonly nestedPaths: object }
}

/** A call that reads or writes one item. Its parameters are checked. */
export interface ItemCall extends Expressions {
  readonly TableName: string
  readonly Key?: Item
  readonly Item?: Item
  readonly ReturnValues?: string
  readonly ReturnValuesOnConditionCheckFailure?: string
  readonly ReturnConsumedCapacity?: string
}
