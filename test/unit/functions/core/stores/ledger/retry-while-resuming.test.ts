import { DatabaseResumingException, ExecuteStatementCommand } from '@aws-sdk/client-rds-data'
import { describe, expect, it, vi } from 'vitest'
import { retryWhileResuming } from '../../../../../../functions/core/stores/ledger/retry-while-resuming.ts'
import { movableClock, NOW } from '../../../../../support/clock.ts'

const statement = new ExecuteStatementCommand({ resourceArn: 'arn', secretArn: 'arn', sql: 'SELECT 1' })

/**
 * Makes a call with `retryWhileResuming` for at most `ms` milliseconds. The database answers from the time `awakeAt` on. Until
 * then, it throws `failure` or, without one, that it is resuming.
 */
function aDatabase(awakeAt: number, ms: number, failure?: Error) {
  vi.stubEnv('AWS_REGION', 'us-east-1')
  const { clock, advance } = movableClock()
  const onWait = vi.fn()
  const client = retryWhileResuming(ms, { clock, sleep: async pause => advance(pause), onWait })
  client.middlewareStack.add(
    () => async () => {
      if (failure) throw failure
      if (clock() < awakeAt) throw new DatabaseResumingException({ message: 'resuming', $metadata: {} })
      return { output: { records: [], $metadata: {} }, response: {} }
    },
    { step: 'initialize', priority: 'low' },
  )
  return { client, clock, onWait }
}

describe('retryWhileResuming', () => {
  it('repeats the call until a resuming database answers', async () => {
    const { client, clock } = aDatabase(NOW + 15_000, 60_000)

    expect(await client.send(statement)).toMatchObject({ records: [] })
    expect(clock()).toBe(NOW + 15_000)
  })

  it('fails if the database is still resuming at the end of the given time', async () => {
    const { client, clock } = aDatabase(NOW + 90_000, 60_000)

    await expect(client.send(statement)).rejects.toThrow('resuming')
    expect(clock() - NOW).toBeLessThanOrEqual(60_000)
  })

  it('logs one line if it waits, and no line if the database answers at once', async () => {
    const resuming = aDatabase(NOW + 15_000, 60_000)
    const awake = aDatabase(NOW, 60_000)

    await Promise.all([resuming.client.send(statement), resuming.client.send(statement), awake.client.send(statement)])

    expect(resuming.onWait).toHaveBeenCalledTimes(1)
    expect(awake.onWait).not.toHaveBeenCalled()
  })

  it('does not wait for any other failure', async () => {
    const { client, clock } = aDatabase(NOW, 60_000, new Error('syntax error'))

    await expect(client.send(statement)).rejects.toThrow('syntax error')
    expect(clock()).toBe(NOW)
  })
})
