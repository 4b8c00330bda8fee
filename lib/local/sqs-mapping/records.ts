import type { Message } from '@aws-sdk/client-sqs'
import type { SQSMessageAttributes, SQSRecord, SQSRecordAttributes } from 'aws-lambda'
import { REGION } from '../arn.ts'

/** Converts a received message to the record that Lambda gives to a function. */
export function recordOf(message: Message, queueArn: string): SQSRecord {
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: { ...message.Attributes } as unknown as SQSRecordAttributes,
    messageAttributes: attributesOf(message),
    md5OfBody: message.MD5OfBody ?? '',
    ...(message.MD5OfMessageAttributes && { md5OfMessageAttributes: message.MD5OfMessageAttributes }),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: REGION,
  }
}

function attributesOf({ MessageAttributes = {} }: Message): SQSMessageAttributes {
  const entries = Object.entries(MessageAttributes).map(([name, { DataType = 'String', StringValue, BinaryValue }]) => [
    name,
    {
      dataType: DataType,
      stringListValues: [],
      binaryListValues: [],
      ...(StringValue !== undefined && { stringValue: StringValue }),
      ...(BinaryValue !== undefined && { binaryValue: Buffer.from(BinaryValue).toString('base64') }),
    },
  ])
  return Object.fromEntries(entries)
}

/** Splits records into events that each fit into `limit` bytes of JSON, in the same order. */
export function splitBySize(records: readonly SQSRecord[], limit: number): SQSRecord[][] {
  const events: SQSRecord[][] = []
  let room = 0
  for (const record of records) {
    const size = Buffer.byteLength(JSON.stringify(record)) + 1
    const last = events.at(-1)
    if (last && size <= room) last.push(record)
    else events.push([record])
    room = (last && size <= room ? room : limit - '{"Records":[]}'.length) - size
  }
  return events
}
