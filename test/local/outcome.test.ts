import type { SQSRecord } from 'aws-lambda'
import { expect, test } from 'vitest'
import { succeeded } from '../../lib/local/sqs-mapping/outcome.ts'
import { splitBySize } from '../../lib/local/sqs-mapping/records.ts'

const records = ['a', 'b', 'c'].map(messageId => ({ messageId, body: 'x'.repeat(100) }) as SQSRecord)

const idsAfter = (result: unknown) =>
  succeeded({ ok: true, payload: JSON.stringify(result) ?? 'null' }, records, true).map(record => record.messageId)

test.for([[undefined], [null], [{}], [{ batchItemFailures: null }], [{ batchItemFailures: [] }]])(
  'an event source mapping treats the answer %j of a function as: all messages are acknowledged',
  ([result]) => {
    expect(idsAfter(result)).toEqual(['a', 'b', 'c'])
  },
)

test.for([
  [{ batchItemFailures: [{ itemIdentifier: '' }] }],
  [{ batchItemFailures: [{ itemIdentifier: null }] }],
  [{ batchItemFailures: [{ messageId: 'a' }] }],
  [{ batchItemFailures: [{ itemIdentifier: 'another' }] }],
  [{ batchItemFailures: 'a' }],
  ['done'],
])('an event source mapping treats the answer %j of a function as: no message is acknowledged', ([result]) => {
  expect(idsAfter(result)).toEqual([])
})

test('the answer of a function that names failed messages acknowledges all other messages', () => {
  expect(idsAfter({ batchItemFailures: [{ itemIdentifier: 'b' }] })).toEqual(['a', 'c'])
})

test('a failed invocation acknowledges no message', () => {
  const error = { errorType: 'Error', errorMessage: 'on purpose' }
  expect(succeeded({ ok: false, error }, records, true)).toEqual([])
})

test('the answer of a function is ignored, and all messages are acknowledged, if the mapping has no ReportBatchItemFailures', () => {
  const payload = JSON.stringify({ batchItemFailures: [{ itemIdentifier: 'a' }] })
  expect(succeeded({ ok: true, payload }, records, false)).toEqual(records)
})

test('the records of a batch are split into events below Lambda’s size limit, in their order', () => {
  const one = JSON.stringify({ Records: records.slice(0, 2) }).length + 1
  expect(splitBySize(records, one).map(event => event.map(record => record.messageId))).toEqual([['a', 'b'], ['c']])
  expect(splitBySize([], one)).toEqual([])
})
