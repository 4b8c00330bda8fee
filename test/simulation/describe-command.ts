import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'

type Key = Record<string, AttributeValue>

interface Input {
  readonly TableName?: string
  readonly RequestItems?: Readonly<Record<string, { Keys?: readonly Key[] }>>
  readonly Key?: Key
  readonly Item?: Record<string, AttributeValue>
  readonly UpdateExpression?: string
  readonly ConditionExpression?: string
  readonly ExpressionAttributeNames?: Record<string, string>
  readonly ExpressionAttributeValues?: Record<string, AttributeValue>
  readonly QueueUrl?: string
  readonly MessageBody?: string
  readonly DelaySeconds?: number
  readonly Entries?: readonly Input[]
  readonly sql?: string
  readonly parameters?: readonly {
    readonly name?: string
    readonly value?: { stringValue?: string; longValue?: number }
  }[]
}

const isPublication = (command: unknown): command is { readonly key: string; readonly content: Buffer } =>
  typeof command === 'object' && command !== null && 'exchange' in command

const isCount = (command: unknown): command is { readonly count: string } =>
  typeof command === 'object' && command !== null && 'count' in command

/** Describes a command in a line of the history. */
export function describeCommand(command: unknown): string {
  if (isCount(command)) return `counts ${command.count}`
  if (isPublication(command))
    return `publishes to ${command.key} ${describeMessage({ MessageBody: String(command.content) })}`
  const { input } = command as { input: Input & { Key?: unknown } }
  const name = (command as object).constructor.name.replace('Command', '')
  if (input.RequestItems) return `${name} ${Object.entries(input.RequestItems).map(describeKeys).join(' ')}`
  if (input.TableName !== undefined) return `${name} ${input.TableName} ${describeTable(input)}`
  if (input.QueueUrl !== undefined)
    return `${name} ${input.QueueUrl} ${(input.Entries ?? [input]).map(describeMessage).join(' | ')}`
  if (input.sql !== undefined)
    return `${name} ${(input.parameters ?? []).map(({ value }) => value?.stringValue ?? value?.longValue).join(' ')}`
  return `${name} ${String(input.Key)}`
}

function describeTable(input: Input): string {
  const names = Object.entries(input.ExpressionAttributeNames ?? {})
  const values = Object.entries(unmarshall(input.ExpressionAttributeValues ?? {}))
  const filled = (text: string) =>
    [...names, ...values.map(([name, value]) => [name, JSON.stringify(value)] as const)].reduce(
      (all, [name, value]) => all.replaceAll(new RegExp(`${name}\\b`, 'g'), () => value),
      text,
    )
  const parts = [
    JSON.stringify(unmarshall(input.Key ?? input.Item ?? {})),
    input.UpdateExpression && filled(input.UpdateExpression),
    input.ConditionExpression && `IF ${filled(input.ConditionExpression)}`,
  ]
  return parts.filter(Boolean).join(' ')
}

const describeKeys = ([table, { Keys = [] }]: [string, { Keys?: readonly Key[] }]) =>
  `${table} ${Keys.map(key => JSON.stringify(unmarshall(key))).join(' ')}`

function describeMessage({ MessageBody = '{}', DelaySeconds }: Input): string {
  const { type, request_id, run, attempt, status } = JSON.parse(MessageBody)
  const of = [type, request_id, run && `run ${run}`, attempt && `attempt ${attempt}`, status]
  return [...of, DelaySeconds && `in ${DelaySeconds} s`].filter(Boolean).join(' ')
}
