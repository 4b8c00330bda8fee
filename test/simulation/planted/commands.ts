import { type AttributeValue, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { Unavailable } from '../../../functions/core/platform/unavailable.ts'

type Write = (PutItemCommand | UpdateItemCommand)['input']

/** The values in the expressions of a write. */
export type Values = Readonly<Record<string, AttributeValue>>

/** Changes the condition of the writes to a table for which `isMeant` returns true. */
export const withCondition =
  (table: string, isMeant: (condition: string, values: Values) => boolean, change: (condition: string) => string) =>
  (command: unknown): unknown => {
    const input = writeOf(command)
    if (input?.TableName !== table || !isMeant(input.ConditionExpression ?? '', input.ExpressionAttributeValues ?? {}))
      return command
    const ConditionExpression = change(input.ConditionExpression ?? '') || undefined
    return rewritten(command, {
      ConditionExpression,
      ...(ConditionExpression ? {} : { ReturnValuesOnConditionCheckFailure: undefined }),
    })
  }

/** Removes the clauses that contain one of these texts from the conditions of writes to a table. */
export const withoutClauses = (
  table: string,
  clauses: readonly string[],
  isMeant: (values: Values) => boolean = () => true,
) =>
  withCondition(
    table,
    (condition, values) => clauses.some(clause => condition.includes(clause)) && isMeant(values),
    condition =>
      condition
        .split(' AND ')
        .filter(clause => !clauses.some(text => clause.includes(text)))
        .join(' AND '),
  )

/** Changes some parameters of a write, and removes the names and values that its changed expressions do not use. DynamoDB refuses unused ones. */
export function rewritten(command: unknown, changes: Partial<Write>): unknown {
  const input: Record<string, unknown> = { ...writeOf(command), ...changes }
  const text = `${input.UpdateExpression ?? ''} ${input.ConditionExpression ?? ''}`
  const used = (of: unknown) => {
    const kept = Object.entries((of ?? {}) as object).filter(([name]) => new RegExp(`${name}\\b`).test(text))
    return kept.length === 0 ? undefined : Object.fromEntries(kept)
  }
  input.ExpressionAttributeNames = used(input.ExpressionAttributeNames)
  input.ExpressionAttributeValues = used(input.ExpressionAttributeValues)
  return command instanceof PutItemCommand
    ? new PutItemCommand(input as unknown as PutItemCommand['input'])
    : new UpdateItemCommand(input as unknown as UpdateItemCommand['input'])
}

export const writeOf = (command: unknown): Write | undefined =>
  command instanceof PutItemCommand || command instanceof UpdateItemCommand ? command.input : undefined

/** Ignores an outage, and rethrows any other error. With it, a planted bug goes on although its call may have done nothing. */
export const ignored = (error: unknown): undefined => {
  if (!(error instanceof Unavailable)) throw error
}
