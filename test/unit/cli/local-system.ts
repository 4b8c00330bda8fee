import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb'
import dynalite from 'dynalite'
import { main } from '../../../lib/cli/main.ts'

export const QUOTAS = {
  window: 'day',
  default_plan: 'free',
  plans: {
    free: { requests: 100, tokens: 10000, in_flight: 20, priorities: ['normal'], shards: 1 },
    pro: { requests: 100000, tokens: 50000000, in_flight: 400, priorities: ['high', 'normal'], shards: 4 },
  },
}

export const MODELS = {
  text: {
    circuit: { failures: 5, within_ms: 60_000, open_ms: 30_000 },
    rate_limit: { count: 20, interval_ms: 2_000 },
  },
  plain: {},
}

/** Tables and their keys: what a stack's outputs name. */
const TABLES = {
  RequestsTable: ['user_id', 'request_id'],
  QuotaTable: ['pk'],
  KeysTable: ['key_id'],
  UsersTable: ['user_id'],
  ModelsTable: ['model'],
}

/** Where nothing answers. */
const NOWHERE = 'http://127.0.0.1:1'

const queueUrlPrefix = (sqs: string) => `${sqs}/000000000000/sluice-`

export const OUTPUTS: Record<string, string> = {
  ...Object.fromEntries(Object.keys(TABLES).map(name => [name, name])),
  ApiUrl: 'http://127.0.0.1:8080',
  PayloadsBucket: 'payloads',
  LedgerClusterArn: 'arn:aws:rds:us-east-1:000000000000:cluster:ledger',
  LedgerSecretArn: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:ledger',
  LedgerDatabase: 'sluice',
  QueueUrlPrefix: queueUrlPrefix(NOWHERE),
  Plans: JSON.stringify(QUOTAS),
  Models: JSON.stringify(MODELS),
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the command line; `now` is an ISO time. */
export async function sluice(env: Record<string, string>, now: string, ...argv: string[]): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await main(argv, {
    env,
    clock: () => Date.parse(now),
    sleep: async () => {},
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  })
  return { code, out, err }
}

/** As much of a local system as the command line needs: the tables, and a local.json that tells where they are. */
export async function startTables(rdsData = NOWHERE, sqs = NOWHERE) {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dynamodb = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new DynamoDBClient({ endpoint: dynamodb, region: 'us-east-1', credentials })
  await Promise.all(Object.entries(TABLES).map(([table, keys]) => createTable(client, table, keys)))

  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  const endpoints = { sqs, dynamodb, s3: sqs, rds_data: rdsData }
  const outputs = { ...OUTPUTS, QueueUrlPrefix: queueUrlPrefix(sqs) }
  const local = { apiUrl: OUTPUTS.ApiUrl, pid: process.pid, outputs, endpoints }
  writeFileSync(join(folder, 'local.json'), JSON.stringify(local))

  return {
    client,
    folder,
    local,
    at: (now: string) => (line: string) => sluice({ SLUICE_DATA: folder }, now, ...line.split(' ')),
    async close() {
      client.destroy()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}

async function createTable(client: DynamoDBClient, table: string, keys: readonly string[]): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map(key => ({ AttributeName: key, AttributeType: 'S' })),
      KeySchema: keys.map((key, i) => ({ AttributeName: key, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    }),
  )
  await waitUntilTableExists({ client, maxWaitTime: 5, minDelay: 0.01, maxDelay: 0.05 }, { TableName: table })
}
