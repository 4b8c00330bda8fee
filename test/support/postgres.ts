import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

async function run(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    for (const sql of statements) await client.query(sql)
  } finally {
    await client.end()
  }
}

const databaseUrl = (serverUrl: string, name: string, user?: string): string => {
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  if (user !== undefined) url.username = user
  return url.href
}

const newName = (): string => `sluice_test_${randomBytes(6).toString('hex')}`

/** Creates an empty database in the Postgres at `serverUrl`. `drop` removes it. */
export async function createDatabase(serverUrl: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = newName()
  await run(serverUrl, `CREATE DATABASE ${name}`)
  return { url: databaseUrl(serverUrl, name), drop: () => run(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`) }
}

/**
 * Creates an empty database. The owner of the database may create roles but is no superuser, like the master user of Aurora.
 * `asSuperuser` runs statements in the database. `drop` removes the database, its owner and the `roles`.
 */
export async function createOwnedDatabase(serverUrl: string, roles: readonly string[]) {
  const name = newName()
  await run(serverUrl, `CREATE ROLE ${name} LOGIN CREATEROLE PASSWORD 'test'`, `CREATE DATABASE ${name} OWNER ${name}`)
  return {
    owner: name,
    url: databaseUrl(serverUrl, name, name),
    asSuperuser: (...statements: string[]) => run(databaseUrl(serverUrl, name), ...statements),
    drop: () =>
      run(
        serverUrl,
        `DROP DATABASE ${name} WITH (FORCE)`,
        ...roles.map(role => `DROP ROLE IF EXISTS ${role}`),
        `DROP ROLE ${name}`,
      ),
  }
}
