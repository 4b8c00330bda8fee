import { parseArgs } from 'node:util'
import { runHistory } from './history.ts'
import { seededChoices } from './random.ts'
import { report } from './report.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

const SHOWN = 3

const print = (line: string) => process.stdout.write(`${line}\n`)

/** `npm run simulate -- --seeds N [--seed S] [--trace]`: runs N histories from seed S on. For a failing history it prints the shortest one that it finds. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      trace: { type: 'boolean', default: false },
    },
  })
  const [first, count] = [wholeNumber('--seed', values.seed), wholeNumber('--seeds', values.seeds)]
  if (values.trace) print(report(await runHistory(seededChoices(first), { tracing: true })))

  const start = performance.now()
  let printed = 0
  const { failures, histories, steps, operations } = await simulate(first, count, total => {
    if (total.histories < printed + 1_000) return
    printed = total.histories
    print(`${total.histories} histories, ${total.failures.length} failed, ${seconds(start)} s`)
  })
  print(
    `${histories} histories, ${operations} operations, ${steps} calls, ${failures.length} failed, ${seconds(start)} s`,
  )
  for (const { seed, violation } of failures) print(`seed ${seed}: ${violation}`)
  for (const { seed } of failures.slice(0, SHOWN)) {
    print(`\nThe shortest history found that fails as seed ${seed} does:`)
    print(report(await shrink(await runHistory(seededChoices(seed)))))
  }
  return failures.length === 0 ? 0 : 1
}

const seconds = (start: number): string => ((performance.now() - start) / 1000).toFixed(1)

function wholeNumber(option: string, text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number
  print(`${option} must be a whole number, not ${text}`)
  process.exit(2)
}

process.exitCode = await main()
