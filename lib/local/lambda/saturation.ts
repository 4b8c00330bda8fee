import { availableParallelism } from 'node:os'

/** Over a shorter time, the operating system's account of a process says little. Milliseconds. */
const sampleMs = 100
/** Of all cores. */
const saturatedAbove = 0.85

let since = performance.now()
let used = process.cpuUsage()
let saturated = false

/** Whether this process, all its threads together, has lately kept the machine's cores busy: another thread would only slow the others. */
export function isSaturated(): boolean {
  const elapsedMs = performance.now() - since
  if (elapsedMs < sampleMs) return saturated
  const { user, system } = process.cpuUsage(used)
  saturated = (user + system) / 1000 > saturatedAbove * elapsedMs * availableParallelism()
  since = performance.now()
  used = process.cpuUsage()
  return saturated
}
