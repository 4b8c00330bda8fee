import { type AttributeValue, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { Unavailable } from '../../../functions/core/platform/unavailable.ts'

type Write = (PutItemCommand | UpdateItemCommand)['input']

/** The values that a write's expressions name. */
export type Values = Readonly<Record<string, AttributeValue>>

/** Does a write to a table whose condition names all of `with` anew, with the condition that `condition` makes of its own. */
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

/** The same without the clauses that hold any of these texts. */
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

/** A write with some of its parameters changed, and without the names and values that are no longer used. */
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

/** What a bug does not care about. */
export const ignored = (error: unknown): undefined => {
  if (!(error instanceof Unavailable)) throw error
}
