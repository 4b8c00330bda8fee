import { describe, expect, onTestFinished, test } from 'vitest'
import { createDatabase } from '../support/postgres.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { eventually } from './support/eventually.ts'
import { type RunningSystem, startSystem } from './support/system.ts'

/** Starts a system whose connection to Postgres goes through a proxy, so that the test can cut it off. */
async function startWithPostgres(serverUrl: string) {
  const database = await createDatabase(serverUrl)
  onTestFinished(database.drop)
  const url = new URL(database.url)
  const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port || 5432) })
  onTestFinished(proxy.close)
  url.host = proxy.host
  const system = await startSystem({ DATABASE_URL: url.href })
  onTestFinished(async () => void (await system.stop()))
  return { proxy, system }
}

/** The lines that the terminal has shown since the length of its output was `before`. */
const shownSince = (system: RunningSystem, before: number): string[] =>
  system
    .output()
    .out.slice(before)
    .split('\n')
    .filter(line => line !== '')

// The embedded Postgres runs in the process of the local system, so a test can't cut it off. The test needs a real Postgres.
describe.skipIf(!process.env.DATABASE_URL)('a Postgres that stops and comes back', () => {
  test('an outage of Postgres causes at most five lines on the terminal, and clients can read their results soon after its return', async () => {
    const { proxy, system } = await startWithPostgres(process.env.DATABASE_URL ?? '')
    const client = system.client(system.demoKey)
    await client.ended(await client.submit({ prompt: 'before' }))
    const before = system.output().out.length

    await proxy.cutOff()
    const ids = await Promise.all(['a', 'b', 'c'].map(prompt => client.submit({ prompt })))
    const failed = () => system.functionLogs().match(/an event could not be taken/g)?.length ?? 0
    // The outage ends when each `outcome` event was delivered to the collector three times on average. This takes about as long as a restart of Postgres.
    await eventually(() => expect(failed()).toBeGreaterThanOrEqual(3 * ids.length), { timeout: 90_000 })
    await proxy.restore()

    // During an outage, the collector lets SQS deliver an event again after 10 seconds at first, and not after the queue's visibility timeout of
    // minutes. So clients can read their results soon after the outage.
    const ends = await Promise.all(ids.map(id => client.ended(id)))
    expect(ends.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed'])
    await eventually(
      () => {
        const lines = shownSince(system, before)
        expect(lines.at(-1)).toMatch(/^\d\d:\d\d:\d\d over, after \d+ times from .*the ledger is unavailable/)
      },
      { timeout: 60_000 },
    )
    const lines = shownSince(system, before)
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d ERROR (collector|reader): .*the ledger is unavailable/)
    expect(lines.length, lines.join('\n')).toBeLessThanOrEqual(5)
  }, 240_000)
})
