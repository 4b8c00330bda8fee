import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main } from '../../../lib/cli/main.ts'
import { createNamedTable, createQuotaTable, startLocalTables } from '../../support/dynamodb.ts'
import { ACCESS_KEY_ID } from '../../support/emulators.ts'

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

/** The tables that a stack’s outputs name, and their keys. */
const TABLES = {
  RequestsTable: ['user_id', 'request_id'],
  QuotaTable: ['pk'],
  KeysTable: ['key_id'],
  UsersTable: ['user_id'],
  ModelsTable: ['model'],
}

export const TABLE_NAMES = Object.keys(TABLES)

/** An address at which nothing answers. */
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

/** Runs the command line. `now` is an ISO time. */
export async function sluice(env: Record<string, string>, now: string, ...argv: string[]): Promise<Ran> {
  return sluiceAt(env, now, undefined, argv)
}

/** Runs the command line as at a terminal. A person answers each question of the command with `typed`. */
export async function sluiceAt(
  env: Record<string, string>,
  now: string,
  typed: string | undefined,
  argv: readonly string[],
): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await main(argv, {
    env,
    clock: () => Date.parse(now),
    sleep: async () => {},
    ...(typed !== undefined && { ask: async () => typed }),
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  })
  return { code, out, err }
}

/** The parsed output of a command with `--json`. */
export const jsonOf = (run: (line: string) => Promise<Ran>) => async (line: string) =>
  JSON.parse((await run(`${line} --json`)).out)

/** The parts of a local system that the command line needs: the tables, and a local.json with their addresses. */
export async function startTables(rdsData = NOWHERE, sqs = NOWHERE) {
  const { client, url: dynamodb, close } = await startLocalTables()
  await Promise.all(
    Object.entries(TABLES).map(([table, keys]) =>
      table === 'QuotaTable' ? createQuotaTable(client, table) : createNamedTable(client, table, keys),
    ),
  )

  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  const endpoints = { sqs, dynamodb, s3: sqs, rds_data: rdsData }
  const outputs = { ...OUTPUTS, QueueUrlPrefix: queueUrlPrefix(sqs) }
  const local = { apiUrl: OUTPUTS.ApiUrl, pid: process.pid, outputs, endpoints }
  const aws = { accessKeyId: ACCESS_KEY_ID, otherServices: NOWHERE }
  writeFileSync(join(folder, 'aws.json'), JSON.stringify(aws))
  writeFileSync(join(folder, 'local.json'), JSON.stringify(local))

  return {
    client,
    folder,
    local: { ...local, ...aws },
    at: (now: string) => (line: string) => sluice({ SLUICE_DATA: folder }, now, ...line.split(' ')),
    async close() {
      await close()
      rmSync(folder, { recursive: true })
    },
  }
}
