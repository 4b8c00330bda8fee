import {
  BadRequestException,
  BeginTransactionCommand,
  DatabaseErrorException,
  DatabaseResumingException,
  ExecuteStatementCommand,
  RDSDataClient,
  StatementTimeoutException,
} from '@aws-sdk/client-rds-data'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { apply } from '../../../../functions/migrator/apply.ts'
import { compose } from '../../../../functions/migrator/compose.ts'
import type { MigratorPorts } from '../../../../functions/migrator/ports.ts'
import { movableClock, NOW } from '../../../support/clock.ts'
import { accessDenied, networkError } from '../../../support/faults.ts'
import { mockClient } from '../../../support/mock-client.ts'

const MINUTE = 60_000
const refusal = (message: string) => ({ message, $metadata: {} })

const rdsData = new RDSDataClient({ region: 'us-east-1' })
const database = mockClient(rdsData)
const secretsManager = new SecretsManagerClient({ region: 'us-east-1' })
const secrets = mockClient(secretsManager)
afterEach(() => {
  database.reset()
  secrets.reset()
})

/** A migrator whose database fails with this error at the command `at` for the first `untilMs` milliseconds. */
function aMigrator(failure: Error, untilMs: number, at: 'BeginTransaction' | 'ExecuteStatement' = 'BeginTransaction') {
  const { clock, advance } = movableClock()
  const fails = async () => {
    if (clock() - NOW < untilMs) throw failure
    return { transactionId: 't' }
  }
  database.resolves({ transactionId: 't' })
  if (at === 'BeginTransaction') database.on(BeginTransactionCommand).callsFake(fails)
  else database.on(ExecuteStatementCommand).callsFake(fails)
  secrets.resolves({ SecretString: '{"password":"p"}' })
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const ports: MigratorPorts = {
    ...compose({
      env: { LEDGER_CLUSTER_ARN: 'arn:cluster', LEDGER_SECRET_ARN: 'arn:secret', LEDGER_DATABASE: 'sluice' },
      roleSecrets: { reader: 'arn:reader' },
      rdsData,
      secretsManager,
    }),
    logger,
    clock,
    sleep: async ms => advance(ms),
  }
  return { ports, logger, clock, advance }
}

const WITHOUT_SQLSTATE: Record<string, Error> = {
  'BadRequestException: Communications link failure': new BadRequestException(refusal('Communications link failure')),
  'BadRequestException of another text': new BadRequestException(refusal('HttpEndpoint is not enabled')),
  StatementTimeoutException: new StatementTimeoutException(refusal('Request timed out')),
  DatabaseResumingException: new DatabaseResumingException(refusal('resuming')),
  'a role that is not known everywhere yet': accessDenied(),
  'a broken connection': networkError(),
}

describe('the migrations', () => {
  it.each(Object.entries(WITHOUT_SQLSTATE))(
    'the migrations are repeated for up to five minutes after the error %s',
    async (_, failure) => {
      const { ports, logger } = aMigrator(failure, 4.4 * MINUTE)

      expect(await apply(ports)).toEqual({ Status: 'SUCCESS' })
      expect(logger.warn).toHaveBeenCalled()
      expect(logger.error).not.toHaveBeenCalled()
    },
  )

  it.each(Object.entries(WITHOUT_SQLSTATE))(
    'the migrations fail after five minutes of the error %s',
    async (_, failure) => {
      const { ports, clock } = aMigrator(failure, 60 * MINUTE)

      const answer = await apply(ports)

      expect(answer).toEqual({ Status: 'FAILED', Reason: `the migrations failed: ${failure.message}` })
      expect(clock() - NOW).toBeGreaterThan(4 * MINUTE)
      expect(clock() - NOW).toBeLessThanOrEqual(5 * MINUTE)
    },
  )

  it('the migrations are repeated in a new transaction if a statement got no answer', async () => {
    const { ports } = aMigrator(new StatementTimeoutException(refusal('Request timed out')), 2_000, 'ExecuteStatement')

    expect(await apply(ports)).toEqual({ Status: 'SUCCESS' })

    const sent = database.calls().map(({ args }) => args[0].constructor.name.replace('Command', ''))
    expect(sent.slice(0, 6)).toEqual([
      'BeginTransaction',
      'ExecuteStatement',
      'RollbackTransaction',
      'BeginTransaction',
      'ExecuteStatement',
      'RollbackTransaction',
    ])
  })

  it('the migrations are repeated while Postgres answers that it is starting', async () => {
    const starting = new DatabaseErrorException(refusal('the database system is starting up; SQLState: 57P03'))
    const { ports } = aMigrator(starting, MINUTE)

    expect(await apply(ports)).toEqual({ Status: 'SUCCESS' })
  })

  it.each([
    ['an SQL error of Postgres', new DatabaseErrorException(refusal('ERROR: relation "x" exists; SQLState: 42P07'))],
    ['an SQL error of Postgres in another exception', new BadRequestException(refusal('ERROR: no; SQLState: 3D000'))],
    ['a bug', new TypeError('undefined is not a function')],
  ])('the migrations fail at once after %s, which a repetition would meet again', async (_, failure) => {
    const { ports, clock } = aMigrator(failure, 60 * MINUTE)

    expect(await apply(ports)).toMatchObject({ Status: 'FAILED' })
    expect(clock()).toBe(NOW)
  })

  it('the migrations are repeated while the secret of a role can’t be read', async () => {
    const { ports, clock } = aMigrator(networkError(), 0)
    secrets.on(GetSecretValueCommand).callsFake(async () => {
      if (clock() - NOW < MINUTE) throw accessDenied()
      return { SecretString: '{"password":"p"}' }
    })

    expect(await apply(ports)).toEqual({ Status: 'SUCCESS' })
  })
})
