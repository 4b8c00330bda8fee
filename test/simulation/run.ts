import { runHistory } from './history.ts'
import { readOptions } from './options.ts'
import { seededChoices } from './random.ts'
import { report } from './report.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

const SHOWN = 3

const print = (line: string) => process.stdout.write(`${line}\n`)

/**
 * `npm run simulate`: runs histories (simulated runs of Sluice), each from a seed. For each of the first three failing histories, it prints the
 * shortest history that fails in the same way. Returns the exit code. `--help` shows the options.
 */
async function main(): Promise<number> {
  const read = readOptions(process.argv.slice(2), process.env.QUEUE_BACKEND)
  if ('usage' in read) {
    print(read.usage)
    return 0
  }
  if ('refusal' in read) {
    process.stderr.write(`${read.refusal}\n`)
    return 2
  }
  const { seed: first, seeds: count, backend, trace } = read.options
  if (trace) print(report(await runHistory(seededChoices(first), { backend, tracing: true })))

  const start = performance.now()
  let printed = 0
  const { failures, histories, steps, operations } = await simulate(first, count, {
    backend,
    onProgress: total => {
      if (total.histories < printed + 1_000) return
      printed = total.histories
      print(`${total.histories} histories, ${total.failures.length} failed, ${seconds(start)} s`)
    },
  })
  print(
    `${histories} histories, ${operations} operations, ${steps} calls, ${failures.length} failed, ${seconds(start)} s`,
  )
  for (const { seed, violation } of failures) print(`seed ${seed}: ${violation}`)
  for (const { seed } of failures.slice(0, SHOWN)) {
    print(`\nThe shortest history found that fails as seed ${seed} does:`)
    print(report(await shrink(await runHistory(seededChoices(seed), { backend }), { backend })))
  }
  return failures.length === 0 ? 0 : 1
}

const seconds = (start: number): string => ((performance.now() - start) / 1000).toFixed(1)

process.exitCode = await main()
