import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DataFolder, openDataFolder } from '../../lib/local/data-folder.ts'
import { refuseOtherDatabase, refuseOtherKind } from '../../lib/local/filled-with.ts'
import type { Database } from '../../lib/local/rds-data/database.ts'
import { openPglite } from '../../lib/local/rds-data/pglite.ts'
import { startDataApi } from '../../lib/local/rds-data/server.ts'
import { startSmall, temporaryFolder } from './fixtures/template.ts'

interface DataApi {
  readonly url: string
  readonly accessKeyId: string
  close(): Promise<void>
}

async function serve(database: Database): Promise<DataApi> {
  const { port, close } = await startDataApi(database, 'local')
  return { url: `http://127.0.0.1:${port}`, accessKeyId: 'local', close }
}

/** A Postgres server that does not report its id, for example since the user may not read it. */
const silent: Database = {
  connect: async () => ({ role: undefined, query: () => Promise.reject(new Error('not for you')), release: () => {} }),
  close: async () => {},
}

let first: DataApi
let second: DataApi
let nameless: DataApi
beforeAll(async () => {
  ;[first, second, nameless] = await Promise.all([openPglite().then(serve), openPglite().then(serve), serve(silent)])
}, 60_000)
afterAll(() => Promise.all([first, second, nameless].map(server => server.close())))

const A = 'postgres://me:hunter2@127.0.0.1:5432/ledger'
const B = 'postgres://me:hunter2@127.0.0.1:5432/other'
const FolderName = () => join(temporaryFolder(), 'data')

/** For each database: does with this data folder what a start of the local system does with it before and when the stack is created. */
async function fill(path: string, ...databases: (readonly [url: string | undefined, dataApi: DataApi])[]) {
  for (const [url, dataApi] of databases)
    await withFolder(path, async data => {
      refuseOtherKind(data, url)
      ;(await refuseOtherDatabase(data, url, dataApi))()
    })
}

async function withFolder(path: string, use: (data: DataFolder) => Promise<void>): Promise<void> {
  const data = openDataFolder(path)
  try {
    await use(data)
  } finally {
    data.close()
  }
}

describe('a data folder', () => {
  test('accepts the database with which it was filled', async () => {
    await fill(FolderName(), [A, first], [A, first])
    await fill(FolderName(), [undefined, first], [undefined, second])
  })

  test('accepts its database also at another address', async () => {
    await fill(FolderName(), [A, first], ['postgresql://other@localhost/ledger', first], [A, first])
  })

  test('refuses another database, with an error that names the right database without its password', async () => {
    const path = FolderName()
    await fill(path, [A, first])

    await expect(fill(path, [B, second])).rejects.toThrow(
      expect.objectContaining({
        name: 'LocalError',
        message: `DATABASE_URL (postgres://127.0.0.1:5432/other) is not the database that ${path} was filled with, which is postgres://127.0.0.1:5432/ledger: set DATABASE_URL to that one, or choose another folder with SLUICE_DATA.`,
      }),
    )
    await fill(path, [A, first])
  })

  test('a data folder refuses a new, empty database, even if it is at the address of the folder’s database', async () => {
    const path = FolderName()
    await fill(path, [A, first])

    await expect(fill(path, [A, second])).rejects.toThrow(
      /^DATABASE_URL \(postgres:\/\/127\.0\.0\.1:5432\/ledger\) is a new database under the address of the one that .* was filled with: /,
    )
  })

  test('a data folder recognizes its database by the address if the Postgres server does not report its id', async () => {
    const path = FolderName()
    await fill(path, [A, nameless], [A, first], [A, nameless])

    await expect(fill(path, [B, nameless])).rejects.toThrow('is not the database that')
  })

  test('a data folder that was filled with a database at a URL refuses the embedded database, and the other way round', async () => {
    const [embedded, atUrl] = [FolderName(), FolderName()]
    await fill(embedded, [undefined, first])
    await fill(atUrl, [A, first])

    await expect(fill(embedded, [A, first])).rejects.toThrow(
      `${embedded} was filled with the embedded Postgres, and DATABASE_URL names another one: unset DATABASE_URL, or choose another folder with SLUICE_DATA.`,
    )
    await expect(fill(atUrl, [undefined, first])).rejects.toThrow(
      `${atUrl} was filled with the Postgres at postgres://127.0.0.1:5432/ledger: set DATABASE_URL to that one, or choose another folder with SLUICE_DATA.`,
    )
  })

  test('a data folder counts as filled with the embedded database if an earlier version of Sluice has completely made such a database in it', async () => {
    const [embedded, unknown] = [FolderName(), FolderName()]
    for (const path of [embedded, unknown]) mkdirSync(join(path, 'postgres'), { recursive: true })
    writeFileSync(join(embedded, 'postgres', 'is-whole'), '')

    await expect(fill(embedded, [A, first])).rejects.toThrow('was filled with the embedded Postgres')
    await fill(unknown, [A, first])
  })

  test('a data folder accepts any database if the only start with it has failed before the stack was created', async () => {
    const path = FolderName()
    await withFolder(path, async data => void (await refuseOtherDatabase(data, A, first)))

    await fill(path, [B, second])
  })
})

test('a local system does not start with another database than that of its data folder, and then starts with the right one', {
  timeout: 60_000,
}, async () => {
  const dataDir = FolderName()
  const template = { Resources: { Queue: { Type: 'AWS::SQS::Queue' } } }
  await (await startSmall(template, { dataDir })).close()

  await expect(startSmall(template, { dataDir, env: { DATABASE_URL: A } })).rejects.toThrow(
    `${dataDir} was filled with the embedded Postgres`,
  )
  await (await startSmall(template, { dataDir })).close()
})
