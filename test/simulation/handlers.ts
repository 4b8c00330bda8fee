import type { SQSRecord } from 'aws-lambda'
import { collect } from '../../functions/collector/collect.ts'
import { unreadableEvent } from '../../functions/core/domain/events.ts'
import { type InferenceMessage, type ResultEvent, readAnyMessage } from '../../functions/core/domain/messages.ts'
import { bury } from '../../functions/core/lifecycle/fail-undelivered.ts'
import { readRecord } from '../../functions/core/platform/sqs-records.ts'
import { Unavailable } from '../../functions/core/platform/unavailable.ts'
import { inputOf } from '../../functions/intake/input.ts'
import { takeInput } from '../../functions/intake/take-input.ts'
import type { WorkerPorts } from '../../functions/worker/ports.ts'
import { work as workerWork } from '../../functions/worker/work.ts'
import { type Ports, silent } from './compose.ts'
import type { Invocation } from './invocation.ts'
import type { Message } from './models/sqs.ts'

/** As functions/worker/handler.ts. */
const LEASE_MARGIN_MS = 5_000

/** Told of what a function logs and goes on from. */
export type OnError = (error: unknown) => void

/** The batch of an invocation; answers with the ids of the messages that come again. */
export type Handle = (
  ports: Ports,
  by: Invocation,
  messages: readonly Message[],
  onError: OnError,
  queue: string,
) => Promise<Set<string>>

/** What functions/worker/handler.ts does, whose module composes itself from its environment. */
export const work: Handle = async (ports, by, messages, onError, queue) => {
  const invocation = { ends_at: by.deadline, lease_until: by.deadline + LEASE_MARGIN_MS }
  const error: WorkerPorts['logger']['error'] = (_, ...[detail]) => {
    if (typeof detail === 'object' && 'error' in detail) onError(detail.error)
  }
  const again = await workerWork(
    { ...ports, logger: { error, info: () => undefined } },
    messages.map(message => toRecord(message, queue)),
    invocation,
  )
  return new Set(again.map(({ messageId }) => messageId))
}

/** What functions/collector/handler.ts does. */
export const takeResults: Handle = async (ports, _by, messages, onError, queue) => {
  const events = new Map<ResultEvent, SQSRecord>()
  const unburied: Promise<string[]>[] = []
  for (const record of messages.map(message => toRecord(message, queue))) {
    const found = readRecord(readAnyMessage, record, silent)
    if (found.kind === 'unknown type') unburied.push(Promise.resolve([record.messageId]))
    else if (found.kind === 'unreadable')
      events.set(unreadableEvent(record.messageId, record.body, ports.clock()), record)
    else if (found.message.type === 'inference') unburied.push(buried(ports, found.message, record, onError))
    else events.set(found.message, record)
  }
  const waiting = (await Promise.all(unburied)).flat()
  const { again } = await collect(ports, [...events.keys()])
  for (const error of again.values()) onError(error)
  const comesAgain = [...events].flatMap(([event, record]) => (again.has(event) ? [record.messageId] : []))
  return new Set([...waiting, ...comesAgain])
}

/** What functions/intake/handler.ts does. */
export const takeInputs: Handle = async (ports, _by, messages, onError, queue) => {
  const failed = messages.map(async ({ id, body }) => {
    try {
      await takeInput(ports, inputOf(toRecord({ id, body }, queue)))
      return []
    } catch (error) {
      onError(error)
      return [id]
    }
  })
  return new Set((await Promise.all(failed)).flat())
}

async function buried(ports: Ports, message: InferenceMessage, record: SQSRecord, onError: OnError): Promise<string[]> {
  try {
    return (await bury(ports, message, ports.clock())) ? [] : [record.messageId]
  } catch (error) {
    onError(error)
    return [record.messageId]
  }
}

const toRecord = ({ id, body }: Pick<Message, 'id' | 'body'>, queue: string): SQSRecord => ({
  messageId: id,
  body,
  receiptHandle: id,
  attributes: {
    ApproximateReceiveCount: '1',
    SentTimestamp: '0',
    SenderId: 'sender',
    ApproximateFirstReceiveTimestamp: '0',
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: `arn:aws:sqs:us-east-1:1:${queue}`,
  awsRegion: 'us-east-1',
})

const EXPECTED = [/^it keeps changing/, /^it was given up meanwhile/, /^its request was taken back/, /^gave up after/]

/** Whether an error is what an outage or a race may cause, and no mistake of ours. */
export function isExpected(error: unknown): boolean {
  if (!(error instanceof Unavailable)) return false
  const { cause } = error
  if (!(cause instanceof Error)) return false
  return cause.name === 'ServiceFault' || EXPECTED.some(pattern => pattern.test(cause.message)) || isExpected(cause)
}
