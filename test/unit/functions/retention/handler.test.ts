import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import type { Context } from 'aws-lambda'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { handler as Handler } from '../../../../functions/retention/handler.ts'
import { networkError } from '../../../support/faults.ts'
import { aContext, captureOutput, stubLambdaEnv } from '../../../support/lambda.ts'
import { mockClient } from '../../../support/mock-client.ts'

const KEEP_MS = 90 * 86_400_000

vi.mock(import('../../../../functions/core/platform/settings.ts'), () => ({
  readSettings: () => ({ ledger_ms: KEEP_MS }) as never,
}))

const rdsData = mockClient(RDSDataClient)
let handler: typeof Handler
beforeAll(async () => {
  stubLambdaEnv()
  handler = (await import('../../../../functions/retention/handler.ts')).handler
})
beforeEach(() => rdsData.reset())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const deleting = (count: number) => ({ records: [[{ longValue: count }]] })
/** A Lambda context. `left` has the remaining milliseconds of the invocation before each chunk. One statement deletes a chunk of rows. */
const aContextWith = (...left: number[]): Context => ({
  ...aContext(),
  getRemainingTimeInMillis: () => left[rdsData.calls().length] ?? 0,
})

describe('retention', () => {
  it('deletes old rows chunk after chunk until none is left, and logs the number of deleted rows', async () => {
    const output = captureOutput()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-23T10:15:00.000Z') })
    rdsData.on(ExecuteStatementCommand).resolvesOnce(deleting(1_000)).resolvesOnce(deleting(7)).resolves(deleting(0))

    await handler({}, aContextWith(900_000, 600_000, 500_000))

    const calls = rdsData.commandCalls(ExecuteStatementCommand).map(({ args: [{ input }] }) => input)
    expect(calls).toHaveLength(3)
    expect(calls[0]?.parameters).toContainEqual({ name: 'before', value: { stringValue: '2026-08-25T10:15:00.000Z' } })
    expect(output.text()).toContain('"deleted":1007')
  })

  it('stops before a chunk if its invocation has too little time left, and the next run deletes the other rows', async () => {
    const output = captureOutput()
    rdsData.on(ExecuteStatementCommand).resolves(deleting(1_000))

    await handler({}, aContextWith(900_000, 600_000, 120_000))

    expect(rdsData.calls()).toHaveLength(2)
    expect(output.text()).toContain('"deleted":2000')
  })

  it('fails with the reason when the database is unavailable', async () => {
    captureOutput()
    rdsData.on(ExecuteStatementCommand).rejects(networkError('no connection'))

    await expect(handler({}, aContext())).rejects.toThrow('the ledger is unavailable')
  })
})
