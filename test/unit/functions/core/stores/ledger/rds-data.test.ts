import {
  BadRequestException,
  DatabaseErrorException,
  DatabaseResumingException,
  ExecuteStatementCommand,
  RDSDataClient,
  StatementTimeoutException,
} from '@aws-sdk/client-rds-data'
import { beforeEach, describe, expect, it } from 'vitest'
import { Defect, Unavailable } from '../../../../../../functions/core/platform/unavailable.ts'
import type { Entry } from '../../../../../../functions/core/stores/ledger/port.ts'
import { rdsDataLedger } from '../../../../../../functions/core/stores/ledger/rds-data.ts'
import { NOW } from '../../../../../support/clock.ts'
import { networkError } from '../../../../../support/faults.ts'
import { mockClient } from '../../../../../support/mock-client.ts'
import { newRequestId } from '../../../../../support/requests.ts'

const client = new RDSDataClient({ region: 'us-east-1' })
const rdsData = mockClient(client)
const ledger = rdsDataLedger(client, { LEDGER_CLUSTER_ARN: 'c', LEDGER_SECRET_ARN: 's', LEDGER_DATABASE: 'd' })
beforeEach(() => rdsData.reset())

const anEntry = (): Entry => ({
  row: {
    request_id: newRequestId(),
    user_id: 'u42',
    model: 'text',
    priority: 'normal',
    estimated_tokens: 1,
    status: 'queued',
    run: 1,
    attempts: 0,
    quota_window: '2026-11-23',
    created_at: NOW,
    deadline: NOW,
  },
})
const error = (message: string) => ({ message, $metadata: {} })

describe('rdsDataLedger', () => {
  it('records all events of a batch with one SQL statement', async () => {
    rdsData.on(ExecuteStatementCommand).resolves({})

    expect(await ledger.record([anEntry(), anEntry(), anEntry()])).toEqual({ refused: [] })
    expect(rdsData.calls()).toHaveLength(1)
  })

  it.each([
    {
      what: 'the database resumes from a pause',
      thrown: new DatabaseResumingException(error('The database is resuming')),
    },
    { what: 'the database can’t be reached', thrown: networkError('ECONNREFUSED') },
    { what: 'two statements deadlock', thrown: new DatabaseErrorException(error('ERROR: deadlock; SQLState: 40P01')) },
    {
      what: 'the database has no disk space left',
      thrown: new DatabaseErrorException(error('ERROR: no space; SQLState: 53100')),
    },
  ])('fails with Unavailable, and refuses no row, if $what', async ({ thrown }) => {
    rdsData.on(ExecuteStatementCommand).rejects(thrown)

    await expect(ledger.record([anEntry(), anEntry()])).rejects.toThrow(Unavailable)
    expect(rdsData.calls()).toHaveLength(1)
  })

  it.each([BadRequestException, DatabaseErrorException])(
    'reports a row that Postgres refuses as refused, with the SQLSTATE and without the value (%o)',
    async Exception => {
      const entry = anEntry()
      rdsData.on(ExecuteStatementCommand).rejects(new Exception(error('ERROR: null "secret prompt"; SQLState: 23502')))

      expect(await ledger.record([entry])).toEqual({ refused: [{ entry, reason: 'SQLState: 23502' }] })
    },
  )

  it('fails with Unavailable if a result can’t be read', async () => {
    rdsData.on(ExecuteStatementCommand).rejects(networkError('ECONNREFUSED'))

    await expect(ledger.result(newRequestId(), 1)).rejects.toThrow(Unavailable)
  })
})

describe('rdsDataLedger: defects and outages', () => {
  it.each([
    {
      what: 'the SQL statement is wrong',
      thrown: new DatabaseErrorException(error('ERROR: no column x; SQLState: 42703')),
    },
    {
      what: 'the function’s database role lacks a permission',
      thrown: new DatabaseErrorException(error('ERROR: permission denied; SQLState: 42501')),
    },
    {
      what: 'the password of the secret is not the password of the role',
      thrown: new BadRequestException(error('password authentication failed')),
    },
    { what: 'there is a bug', thrown: new TypeError('x is not a function') },
  ])('there is a defect, and no row is refused, if $what', async ({ thrown }) => {
    rdsData.on(ExecuteStatementCommand).rejects(thrown)

    await expect(ledger.record([anEntry(), anEntry()])).rejects.toThrow(Defect)
    expect(rdsData.calls()).toHaveLength(1)
  })

  it.each([
    {
      what: 'the database cluster is new and does not accept connections yet',
      thrown: new BadRequestException(error('Communications link failure')),
    },
    {
      what: 'the writer of the cluster has just become a reader',
      thrown: new DatabaseErrorException(error('ERROR; SQLState: 25006')),
    },
    { what: 'the database is being shut down', thrown: new DatabaseErrorException(error('ERROR; SQLState: 57P01')) },
    { what: 'a statement takes too long', thrown: new StatementTimeoutException(error('timeout')) },
  ])('there is an outage if $what', async ({ thrown }) => {
    rdsData.on(ExecuteStatementCommand).rejects(thrown)

    await expect(ledger.record([anEntry()])).rejects.toThrow(Unavailable)
  })
})
