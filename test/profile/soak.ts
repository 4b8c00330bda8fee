import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { median, round, table } from '../bench/table.ts'
import { type ProfiledSystem, startProfiled } from './system.ts'
import { descriptorsOf, pssOf, threadsOf } from './threads.ts'

/*
 * Runs the local system for a number of minutes with half of the highest load that it can process (`npm run soak -- 30`), to find leaks.
 * It fails if memory, threads or open files grow: if there are more in the last third of the time than in the middle third, beyond LIMITS
 * and SLACK.
 */
const minutes = Number(process.argv[2] ?? 30)
const CLIENTS = 16
const SAMPLE_MS = 5_000
/** The number of requests with which the highest load is measured. As many requests run first, to warm the system up. */
const REACH_REQUESTS = 300
/** The largest allowed ratio of the median in the last third to the median in the middle third. */
const LIMITS = { memory: 1.1, threads: 1.1, descriptors: 1.1 }
/** The growth that is allowed in any case: MB of memory, threads, and open files. So small numbers do not fail the test by chance. */
const SLACK = { memory: 30, threads: 2, descriptors: 8 }

interface Sample {
  readonly seconds: number
  readonly memory: number
  readonly threads: number
  readonly descriptors: number
  readonly disk: number
}

type Watched = keyof typeof LIMITS

const folder = mkdtempSync(join(tmpdir(), 'sluice-soak-'))
const data = join(folder, 'data')
const system = await startProfiled(data)
try {
  const perSecond = await reachable(system)
  process.stdout.write(`reached ${round(perSecond, 0)} requests per second; ${minutes} minutes with half of that\n\n`)
  const { samples, requests, repeated } = await soak(system, perSecond / 2)
  process.stdout.write(`${report(samples, requests)}; ${repeated} answers 5xx, repeated\n`)
  const growing = (['memory', 'threads', 'descriptors'] as const).filter(what => !isFlat(samples, what))
  for (const what of growing) process.stdout.write(`NOT FLAT: ${what}\n`)
  process.exitCode = growing.length === 0 ? 0 : 1
} finally {
  await system.stop()
  rmSync(folder, { recursive: true, force: true })
}

/** The requests per second that the system completes if clients post as fast as they get answers. */
async function reachable({ run }: ProfiledSystem): Promise<number> {
  await run(REACH_REQUESTS, CLIENTS)
  const { completed } = await run(REACH_REQUESTS, CLIENTS)
  return REACH_REQUESTS / completed
}

/** Posts `perSecond` requests at the beginning of each second. Measures memory, threads, files and disk every five seconds. */
async function soak({ pid, run }: ProfiledSystem, perSecond: number) {
  const samples: Sample[] = []
  const start = performance.now()
  const passed = () => performance.now() - start
  let [requests, repeated] = [0, 0]
  const sampling = (async () => {
    while (passed() < minutes * 60_000) {
      const [memory, threads, descriptors] = [pssOf(pid), threadsOf(pid), descriptorsOf(pid)]
      samples.push({ seconds: passed() / 1_000, memory, threads, descriptors, disk: await bytesIn(data) })
      await pause(SAMPLE_MS)
    }
  })()
  while (passed() < minutes * 60_000) {
    const batch = Math.max(1, Math.round(perSecond))
    const [{ completed, repeated: more }] = await Promise.all([run(batch, Math.min(CLIENTS, batch)), pause(1_000)])
    requests += batch
    repeated += more
    if (completed > 60) throw new Error(`${batch} requests took ${round(completed, 0)} s: the system does not keep up`)
  }
  await sampling
  return { samples, requests, repeated }
}

async function bytesIn(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries.reduce((sum, entry) => sum + (entry.isFile() ? sizeOf(join(entry.parentPath, entry.name)) : 0), 0)
}

/** The size of a file, or 0 if it was deleted after it was listed. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function report(samples: readonly Sample[], requests: number): string {
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last) throw new Error('there is no sample')
  const row = (name: string, { seconds, memory, threads, descriptors, disk }: Sample) => [
    name,
    round(seconds, 0),
    memory,
    threads,
    descriptors,
    round(disk / 1e6, 1),
  ]
  return [
    table(['', 'seconds', 'MB', 'threads', 'open files', 'MB of disk'], [row('begin', first), row('end', last)]),
    '',
    `${requests} requests; ${Math.round((last.disk - first.disk) / requests)} bytes of disk per request`,
  ].join('\n')
}

/** Whether the median of the last third is within the limits. It is compared with the middle third, since the system warms up in the first. */
function isFlat(samples: readonly Sample[], what: Watched): boolean {
  const third = Math.ceil(samples.length / 3)
  const medianOf = (of: readonly Sample[]) => median(of.map(one => one[what]))
  const [middle, end] = [medianOf(samples.slice(third, 2 * third)), medianOf(samples.slice(2 * third))]
  return end <= Math.max(middle * LIMITS[what], middle + SLACK[what])
}
