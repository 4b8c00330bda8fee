import { describe, expect, onTestFinished, test } from 'vitest'
import { createDatabase } from '../support/postgres.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { eventually } from './support/eventually.ts'
import { type RunningSystem, startSystem } from './support/system.ts'

/** A system whose Postgres can be cut off. */
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

/** What the terminal has shown since then, without the lines of the start. */
const shownSince = (system: RunningSystem, before: number): string[] =>
  system
    .output()
    .out.slice(before)
    .split('\n')
    .filter(line => line !== '')

// The embedded Postgres is a part of the system's process, and can't be away.
describe.skipIf(!process.env.DATABASE_URL)('a Postgres that stops and comes back', () => {
  test('is five lines on the terminal at most, and clients see their results as soon as it is back', async () => {
    const { proxy, system } = await startWithPostgres(process.env.DATABASE_URL ?? '')
    const client = system.client(system.demoKey)
    await client.ended(await client.submit({ prompt: 'before' }))
    const before = system.output().out.length

    await proxy.cutOff()
    const ids = await Promise.all(['a', 'b', 'c'].map(prompt => client.submit({ prompt })))
    const failed = () => system.functionLogs().match(/an event could not be taken/g)?.length ?? 0
    // Each event was delivered at least three times: the outage takes as long as an operator needs to start Postgres again.
    await eventually(() => expect(failed()).toBeGreaterThanOrEqual(3 * ids.length), { timeout: 90_000 })
    await proxy.restore()

    // An event comes again after 10 seconds, and not after the queue's own time of minutes.
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
