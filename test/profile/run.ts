import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { profileSteps } from './steps.ts'
import { startProfiled } from './system.ts'
import { LOADS, profileTraffic } from './traffic.ts'

/*
 * Prints tables that show which steps and which threads use the CPU time of one request (`npm run profile`). Arguments choose loads by
 * the number of clients: `npm run profile -- 16`. This program needs Linux, since it reads the CPU time of threads from /proc.
 */
const print = (text: string) => process.stdout.write(`${text}\n\n`)

const chosen = process.argv.slice(2).map(Number)
const postgres = process.env.DATABASE_URL === undefined ? 'the embedded Postgres' : 'the Postgres of DATABASE_URL'
print(`${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores, Node ${process.versions.node}`)
print(await profileSteps())

const folder = mkdtempSync(join(tmpdir(), 'sluice-profile-'))
const system = await startProfiled(join(folder, 'data'))
try {
  print(`The whole local system in one process, with ${postgres}, a model of 50 ms and 20 calls at the same time`)
  for (const load of LOADS)
    if (chosen.length === 0 || chosen.includes(load.clients)) print(await profileTraffic(system, load))
} finally {
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}
