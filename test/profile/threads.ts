import { readdirSync, readFileSync } from 'node:fs'

/** The CPU time in milliseconds, by the name of the thread. */
export type Cpu = ReadonlyMap<string, number>

/** Descriptions of the threads that Node starts itself, by their names. Linux cuts the names to 15 characters. */
const OF_NODE: Readonly<Record<string, string>> = {
  V8Worker: 'V8: garbage collection, compilation',
  DelayedTaskSche: 'V8: garbage collection, compilation',
  'libuv-worker': 'libuv: files, name look-ups, cryptography',
  MainThread: 'main thread',
}

/** The CPU time that each thread of a process has used so far. Threads with the same name are added up. */
export function cpuOf(pid: number): Cpu {
  const cpu = new Map<string, number>()
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const task = `/proc/${pid}/task/${id}`
    // A thread may end before its files are read. Then its texts are undefined.
    const name = textOf(`${task}/comm`)?.trim()
    const [nanoseconds] = textOf(`${task}/schedstat`)?.split(' ') ?? []
    if (name === undefined || nanoseconds === undefined) continue
    const shown = OF_NODE[name] ?? name
    cpu.set(shown, (cpu.get(shown) ?? 0) + Number(nanoseconds) / 1e6)
  }
  return cpu
}

const TICKS_PER_SECOND = 100

/** The CPU time that a process has used so far, including threads that have ended, in milliseconds. The resolution is 10 ms. */
export function wholeCpuOf(pid: number): number {
  const [, fields = ''] = (textOf(`/proc/${pid}/stat`) ?? '').split(') ')
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number)
  return ((user + system) * 1_000) / TICKS_PER_SECOND
}

/** The CPU time per thread that was used between two measurements. */
export const between = (before: Cpu, after: Cpu): Cpu =>
  new Map([...after].map(([name, ms]) => [name, Math.max(0, ms - (before.get(name) ?? 0))]))

/** The memory of the process in MB. A page of memory that n processes share counts as 1/n (the PSS of Linux). */
export const pssOf = (pid: number): number =>
  Math.round(Number(/^Pss: +(\d+)/m.exec(textOf(`/proc/${pid}/smaps_rollup`) ?? '')?.[1] ?? Number.NaN) / 1_024)

export const threadsOf = (pid: number): number => readdirSync(`/proc/${pid}/task`).length

export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** The number of threads by name, without those that Node starts itself. */
export function namedThreadsOf(pid: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    const name = textOf(`/proc/${pid}/task/${id}/comm`)?.trim()
    if (name !== undefined && !(name in OF_NODE)) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}
