import { parseArgs } from 'node:util'
import { runHistory } from './history.ts'
import { BACKENDS, type Backend } from './queues.ts'
import { seededChoices } from './random.ts'
import { report } from './report.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

const SHOWN = 3

const print = (line: string) => process.stdout.write(`${line}\n`)

/**
 * `npm run simulate -- --seeds N [--seed S] [--backend sqs|rabbitmq] [--trace]`: runs N histories (simulated runs of Sluice), beginning with
 * seed S. For each of the first three failing histories, it prints the shortest history that fails in the same way. With `--trace`, it also
 * prints the history of seed S. The default of `--backend` is QUEUE_BACKEND, and otherwise `sqs`.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      backend: { type: 'string', default: process.env.QUEUE_BACKEND ?? 'sqs' },
      trace: { type: 'boolean', default: false },
    },
  })
  const [first, count] = [wholeNumber('--seed', values.seed), wholeNumber('--seeds', values.seeds)]
  const backend = knownBackend(values.backend)
  if (values.trace) print(report(await runHistory(seededChoices(first), { backend, tracing: true })))

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

function knownBackend(text: string): Backend {
  const backend = BACKENDS.find(one => one === text)
  if (backend) return backend
  print(`--backend must be ${BACKENDS.join(' or ')}, not ${text}`)
  process.exit(2)
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number
  print(`${option} must be a whole number, not ${text}`)
  process.exit(2)
}

process.exitCode = await main()
