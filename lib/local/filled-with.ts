import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { arn } from './arn.ts'
import type { DataFolder } from './data-folder.ts'
import { LocalError } from './error.ts'
import { addressOf } from './rds-data/address.ts'
import { authorizationOf } from './trust/access-key.ts'

/** The file in the data folder that names the database with the rows of the folder's requests. */
const FILE = 'database.json'

/** The database of a data folder. All requests of the folder must have their rows in one database. With another database, earlier rows would be missing. */
const Filled = z.union([
  z.object({ embedded: z.literal(true) }),
  /** `id` consists of the server's id and the database's id on this server. It is absent if the server does not reveal its id. */
  z.object({ address: z.string(), id: z.string().optional() }),
])
type Filled = z.infer<typeof Filled>

/**
 * Throws LocalError if the folder's requests have their rows in a database of the other kind. The kinds are the embedded Postgres, and a Postgres at a
 * URL. This check needs no running database, so it runs before a database starts.
 */
export function refuseOtherKind(data: DataFolder, databaseUrl: string | undefined): void {
  const filled = filledWith(data)
  if (!filled) return
  if ('embedded' in filled && databaseUrl)
    throw new LocalError(
      `${data.path} was filled with the embedded Postgres, and DATABASE_URL names another one: unset DATABASE_URL, or choose another folder with SLUICE_DATA.`,
    )
  if ('address' in filled && !databaseUrl)
    throw new LocalError(
      `${data.path} was filled with the Postgres at ${filled.address}: set DATABASE_URL to that one, or choose another folder with SLUICE_DATA.`,
    )
}

/**
 * Throws LocalError if the folder's requests have their rows in another database than the running one. For this, it asks the running database for
 * its id. Returns a function that writes the running database's address and id to the folder. Call the returned function when the stack exists,
 * since the folder has data of this database from then on.
 */
export async function refuseOtherDatabase(
  data: DataFolder,
  databaseUrl: string | undefined,
  dataApi: DataApi,
): Promise<() => void> {
  const filled = filledWith(data)
  if (!databaseUrl) return () => data.writeJson(FILE, { embedded: true } satisfies Filled)
  const now = { address: addressOf(databaseUrl), id: await idOf(dataApi) }
  if (filled && 'address' in filled && !isSame(filled, now)) throw new LocalError(sentenceOf(data, filled.address, now))
  return () => data.writeJson(FILE, now satisfies Filled)
}

/**
 * Reads the database of the folder from the file. A folder of an earlier version of Sluice has no such file. If such a folder contains a complete
 * embedded Postgres, this is its database.
 */
function filledWith(data: DataFolder): Filled | undefined {
  const known = Filled.safeParse(data.readJson(FILE)).data
  if (known) return known
  return existsSync(join(data.path, 'postgres', 'is-whole')) ? { embedded: true } : undefined
}

type AtUrl = Exclude<Filled, { embedded: true }>

/**
 * Compares the ids if both are known, and otherwise the addresses. Addresses are less certain: one database may have several addresses, and one
 * address may later be that of another database.
 */
function isSame(filled: AtUrl, now: AtUrl): boolean {
  if (filled.id !== undefined && now.id !== undefined) return filled.id === now.id
  return filled.address === now.address
}

function sentenceOf({ path }: DataFolder, address: string, now: AtUrl): string {
  if (address === now.address)
    return `DATABASE_URL (${address}) is a new database under the address of the one that ${path} was filled with: choose another folder with SLUICE_DATA, or delete that one to start from nothing.`
  return `DATABASE_URL (${now.address}) is not the database that ${path} was filled with, which is ${address}: set DATABASE_URL to that one, or choose another folder with SLUICE_DATA.`
}

interface DataApi {
  readonly url: string
  readonly accessKeyId: string
}

const ID = `
  SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || oid FROM pg_database
  WHERE datname = current_database()`

const Answer = z.object({ records: z.tuple([z.tuple([z.object({ stringValue: z.string() })])]) })

/** Returns the id of the server and the database, or undefined if this user may not read the server's id. */
async function idOf({ url, accessKeyId }: DataApi): Promise<string | undefined> {
  const body = { resourceArn: arn('rds', 'cluster:any'), secretArn: arn('secretsmanager', 'secret:owner'), sql: ID }
  const headers = { authorization: authorizationOf(accessKeyId), 'content-type': 'application/json' }
  const response = await fetch(`${url}/Execute`, { method: 'POST', headers, body: JSON.stringify(body) })
  return Answer.safeParse(await response.json()).data?.records[0][0].stringValue
}
