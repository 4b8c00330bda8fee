import { round, table } from '../bench/table.ts'
import type { ProfiledSystem } from './system.ts'
import { between, cpuOf, pssOf, threadsOf, wholeCpuOf } from './threads.ts'

/** The loads that are measured: the number of clients, and the number of requests. First, half as many requests run as a warm-up. */
export const LOADS = [
  { clients: 1, requests: 300 },
  { clients: 16, requests: 1_200 },
  { clients: 64, requests: 2_000 },
] as const

/** Returns a table with the CPU time per thread that a running system under this load needs for one completed request. */
export async function profileTraffic(
  system: ProfiledSystem,
  { clients, requests }: { readonly clients: number; readonly requests: number },
): Promise<string> {
  const { pid } = system
  await system.run(requests / 2, clients)
  const before = { cpu: cpuOf(pid), whole: wholeCpuOf(pid), invocations: await invocationsOf(system) }
  const took = await system.run(requests, clients)
  const [cpu, whole] = [between(before.cpu, cpuOf(pid)), wholeCpuOf(pid) - before.whole]
  const invocations = between(before.invocations, await invocationsOf(system))

  const per = (amount: number) => round(amount / requests, 2)
  const live = [...cpu.values()].reduce((total, ms) => total + ms, 0)
  const threads = [...cpu]
    .sort(([, a], [, b]) => b - a)
    .map(([name, ms]) => [name, per(ms)])
    .filter(([, ms]) => Number(ms) > 0)
  const rows = [...threads, ['threads that have ended', per(Math.max(0, whole - live))], ['all', per(whole)]]
  const ran = [...invocations].filter(([, count]) => count > 0).map(([service, count]) => [service, per(count)])
  return [
    `${clients} ${clients === 1 ? 'client' : 'clients'}, ${requests} requests: ${Math.round(requests / took.posted)} posts per second, ${Math.round(requests / took.completed)} completed per second; ${pssOf(pid)} MB, ${threadsOf(pid)} threads at the end${took.repeated > 0 ? `; ${took.repeated} answers 5xx, repeated` : ''}`,
    '',
    table(['thread', 'ms of CPU per request'], rows),
    '',
    table(['function', 'invocations per request'], ran),
  ].join('\n')
}

const invocationsOf = ({ metric }: ProfiledSystem) => metric('sluice_function_invocations_total', 'service')
