import {
  type AttributeValue,
  BatchGetItemCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { ExecuteStatementCommand } from '@aws-sdk/client-rds-data'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { describe, expect, it } from 'vitest'
import { migrate } from '../../functions/core/stores/ledger/migrate.ts'
import { COMPLETED, RECORD, RESULT } from '../../functions/core/stores/ledger/sql.ts'
import { runHistory } from '../simulation/history.ts'
import { dynamoDbClient, dynamoDbModel } from '../simulation/models/dynamodb.ts'
import { rdsDataClient, rdsDataModel } from '../simulation/models/rds-data.ts'
import { seededChoices } from '../simulation/random.ts'
import { LEDGER_ENV, TABLES } from '../simulation/settings.ts'
import { createNamedTable, createQuotaTable, dynamoDbEngines } from '../support/dynamodb.ts'
import { startRdsData } from '../support/emulators.ts'

/*
 * The simulation replaces DynamoDB and Postgres by models. These tests record the commands that the real adapters send in
 * simulated histories. Then they send the commands, one after the other, to a new model and to the real engine. Each pair of answers
 * must be equal. So each model is compared with its engine for the commands that Sluice uses.
 */

// Only the history of seed 21 reads results from the ledger. Without this seed, no such read would be compared.
const SEEDS = [1, 2, 3, 4, 21]
const TIMEOUT_MS = 120_000

async function commandsOf(seed: number): Promise<readonly unknown[]> {
  const commands: unknown[] = []
  const command = (asked: unknown) => {
    commands.push(asked)
    return asked
  }
  await runHistory(seededChoices(seed), { bug: { name: 'none, but a recorder', command } })
  return commands
}

for (const { name, start } of dynamoDbEngines)
  describe(`the simulation's model of DynamoDB and ${name}`, () => {
    it(
      'give the same answer to each command of simulated histories',
      async () => {
        const { client, close } = await start()
        const compared = new Set<string>()
        for (const seed of SEEDS) {
          await createTables(client)
          const model = dynamoDbModel(TABLES)
          const modelClient = dynamoDbClient(async command => model.execute(command))
          for (const [i, command] of (await commandsOf(seed)).filter(isDynamoDbCommand).entries()) {
            // The model gives smaller pages than the engine. So the first command of a scan reads all pages here, and the recorded
            // commands for further pages are skipped.
            if (command instanceof ScanCommand && command.input.ExclusiveStartKey) continue
            const [ofModel, ofEngine] = [await answerOf(modelClient, command), await answerOf(client, command)]
            expect(ofModel, `seed ${seed}, command ${i}: ${JSON.stringify(command.input)}`).toEqual(ofEngine)
            compared.add('error' in ofModel ? String(ofModel.error) : command.constructor.name)
          }
          await deleteTables(client)
        }
        await close()

        const kinds = [...KINDS.map(({ name: kind }) => kind), 'ConditionalCheckFailedException']
        expect([...compared].sort()).toEqual(kinds.sort())
      },
      TIMEOUT_MS,
    )
  })

describe("the simulation's model of Postgres and PGlite", () => {
  it(
    'give the same answer to each statement of simulated histories',
    async () => {
      const { client, close } = await startRdsData({})
      await migrate(client, LEDGER_ENV)
      const model = rdsDataModel()
      const modelClient = rdsDataClient(async command => model.execute(command))
      const compared = new Set<string | undefined>()
      for (const seed of SEEDS)
        for (const [i, command] of (await commandsOf(seed)).entries()) {
          if (!(command instanceof ExecuteStatementCommand)) continue
          const [ofModel, ofEngine] = [await modelClient.send(command), await client.send(command)]
          expect(ofModel.records ?? [], `seed ${seed}, statement ${i}: ${JSON.stringify(command.input)}`).toEqual(
            ofEngine.records ?? [],
          )
          compared.add(command.input.sql)
        }
      await close()

      expect([...compared].sort()).toEqual([COMPLETED, RECORD, RESULT].sort())
    },
    TIMEOUT_MS,
  )
})

const KINDS = [BatchGetItemCommand, GetItemCommand, PutItemCommand, QueryCommand, ScanCommand, UpdateItemCommand]
type DynamoDbCommand = InstanceType<(typeof KINDS)[number]>

const isDynamoDbCommand = (command: unknown): command is DynamoDbCommand => KINDS.some(kind => command instanceof kind)

async function createTables(client: DynamoDBClient): Promise<void> {
  const { quota: _, ...others } = TABLES
  await createQuotaTable(client, 'quota')
  for (const [name, keys] of Object.entries(others)) await createNamedTable(client, name, keys)
}

async function deleteTables(client: DynamoDBClient): Promise<void> {
  for (const TableName of Object.keys(TABLES)) await client.send(new DeleteTableCommand({ TableName }))
}

type Item = Record<string, AttributeValue>

/** The answer to a command, or the name of its error. Sets, and the items of a scan or a batch, are sorted, since they have no order. */
async function answerOf(client: DynamoDBClient, command: DynamoDbCommand): Promise<Record<string, unknown>> {
  try {
    if (command instanceof ScanCommand) return { items: (await scanned(client, command)).map(plain).sort(byText) }
    if (command instanceof BatchGetItemCommand) {
      const { Responses = {} } = await client.send(command)
      return { items: Object.values(Responses).flat().map(plain).sort(byText) }
    }
    if (command instanceof QueryCommand) return { items: (await client.send(command)).Items?.map(plain) }
    if (command instanceof GetItemCommand) return { item: plain((await client.send(command)).Item) }
    if (command instanceof UpdateItemCommand) {
      const { Attributes } = await client.send(command)
      const { ReturnValues } = command.input
      return { item: plain(ReturnValues === 'UPDATED_NEW' ? withoutMaps(Attributes) : Attributes) }
    }
    await client.send(command)
    return {}
  } catch (error) {
    return { error: (error as Error).name }
  }
}

/**
 * Removes maps from an answer. DynamoDB Local answers with the whole map, and other engines with the updated entries. No adapter
 * reads the maps, so the difference does not matter.
 */
const withoutMaps = (item: Item = {}): Item =>
  Object.fromEntries(Object.entries(item).filter(([, value]) => value.M === undefined))

async function scanned(client: DynamoDBClient, { input }: ScanCommand): Promise<Item[]> {
  const items: Item[] = []
  let ExclusiveStartKey: Item | undefined
  do {
    const page = await client.send(new ScanCommand({ ...input, ExclusiveStartKey }))
    items.push(...(page.Items ?? []))
    ExclusiveStartKey = page.LastEvaluatedKey
  } while (ExclusiveStartKey)
  return items
}

const plain = (item: Item | undefined): unknown => item && sorted(unmarshall(item))

/** Sorts the fields of objects and the members of sets. */
const sorted = (value: unknown): unknown => {
  if (value instanceof Set) return [...value].sort()
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(fields.map(([key, inner]) => [key, sorted(inner)]))
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
