import { AsyncLocalStorage } from 'node:async_hooks'
import { ConditionalCheckFailedException, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'

/** One call of an AWS service by an SDK client. The times are milliseconds of `performance.now()`. */
export interface Call {
  readonly name: string
  readonly start: number
  readonly end: number
  /** The capacity units that DynamoDB has reported for the call. Missing for other services. */
  readonly units?: number | undefined
  /** The size of the sent body in bytes. */
  readonly bytes: number
}

interface Args {
  readonly input: object
}

interface Result {
  readonly output?: { readonly ConsumedCapacity?: { readonly CapacityUnits?: number } }
}

interface Context {
  readonly clientName?: string
  readonly commandName?: string
}

interface Client {
  readonly middlewareStack: {
    add(middleware: unknown, options: { step: 'initialize'; priority: 'high' }): void
    add(middleware: unknown, options: { step: 'finalizeRequest'; priority: 'low' }): void
  }
}

/** The call that is being sent, so that the HTTP layer can add the bytes of the body to it. */
const sending = new AsyncLocalStorage<{ bytes: number }>()

/** Records each command that the watched AWS clients send. */
export class Recorder {
  readonly calls: Call[] = []

  watch(client: Client): void {
    const record = (next: (args: Args) => Promise<Result>, context: Context) => async (args: Args) => {
      const start = performance.now()
      const sent = { bytes: 0 }
      let units: number | undefined
      try {
        const result = await sending.run(sent, () =>
          next(context.clientName === 'DynamoDBClient' ? askingForUnits(args) : args),
        )
        units = result.output?.ConsumedCapacity?.CapacityUnits
        return result
      } finally {
        const name = (context.commandName ?? '?').replace(/Command$/, '')
        this.calls.push({ name, start, end: performance.now(), units, bytes: sent.bytes })
      }
    }
    client.middlewareStack.add(record, { step: 'initialize', priority: 'high' })
    const measure = (next: (args: unknown) => Promise<unknown>) => (args: { request?: { body?: unknown } }) => {
      const { body } = args.request ?? {}
      const sent = sending.getStore()
      if (sent && (typeof body === 'string' || body instanceof Uint8Array)) sent.bytes = Buffer.byteLength(body)
      return next(args)
    }
    client.middlewareStack.add(measure, { step: 'finalizeRequest', priority: 'low' })
  }

  /** Returns the calls since the last `take`. */
  take(): Call[] {
    return this.calls.splice(0)
  }
}

const askingForUnits = ({ input, ...args }: Args): Args => ({
  ...args,
  input: { ...input, ReturnConsumedCapacity: 'TOTAL' },
})

/** The length of the longest chain of calls in which each call starts after the end of the previous one, i.e. of round trips in sequence. */
export function sequential(calls: readonly Call[]): number {
  const byEnd = [...calls].sort((a, b) => a.end - b.end)
  const depths: number[] = []
  for (const [i, call] of byEnd.entries()) {
    const before = byEnd.slice(0, i).map((other, j) => (other.end <= call.start ? (depths[j] ?? 0) : 0))
    depths.push(1 + Math.max(0, ...before))
  }
  return Math.max(0, ...depths)
}

/** Lists calls as in `PutItem, 2 SendMessage, UpdateItem`. */
export function tally(calls: readonly Call[]): string {
  const names = Object.entries(Object.groupBy(calls, call => call.name))
  return names
    .map(([name, all = []]) => (all.length === 1 ? name : `${all.length} ${name}`))
    .sort()
    .join(', ')
}

/**
 * Adds the item to the error of a failed condition if the engine has left it out, as dynalite does. DynamoDB returns the item. Without it,
 * Sluice would make one more call, and the benchmark would count a call that does not happen on AWS.
 */
export function withItemOnFailure(client: DynamoDBClient, uncounted: DynamoDBClient): void {
  client.middlewareStack.add(
    next => async args => {
      try {
        return await next(args)
      } catch (error) {
        const { TableName, Key } = args.input as { TableName?: string; Key?: Record<string, never> }
        if (error instanceof ConditionalCheckFailedException && !error.Item && Key) {
          const { Item } = await uncounted.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))
          if (Item) error.Item = Item
        }
        throw error
      }
    },
    { step: 'initialize', priority: 'low' },
  )
}
