import type { Command } from 'commander'
import { type Answer, type Run, refusalLine } from '../answer.ts'
import type { Difference } from '../operations/reconcile/books.ts'
import type { Reconciliation } from '../operations/reconcile/stores.ts'

/** Adds the command `sluice reconcile` */
export function addReconcile(program: Command, run: Run): void {
  program
    .command('reconcile')
    .description('check whether quotas, request items and Postgres agree; changes nothing')
    .addHelpText('after', HELP)
    .action(() =>
      run(async admin => {
        const { reconcile } = await import('../operations/reconcile/stores.ts')
        return answerOf(await reconcile(admin))
      }),
    )
}

const HELP = `
The command reads all stores. Before it reports a difference, it reads the values again. A change that is younger than two minutes does
not count as a difference, since its other steps may still be under way. The exit code is 0 if there is no difference, and 1 otherwise.
The command keeps its data in memory, about 2 KB per request. For millions of requests, give it more memory:
NODE_OPTIONS=--max-old-space-size=8192.

With --json: [ { "kind", "where", "expected", "found" } ], empty if there is no difference. Kinds:
  requests, tokens  a counter is not the sum of the charges and the open reservations
  negative          a counter is below zero
  reservation       a reservation is open although no request waits or runs under it
  unreserved        a request waits or runs without its reservation
  row               Postgres has no row of a request, or a row with other values
  item              a row in Postgres is of a request that has no item

Request items are kept for 90 days, so older windows and rows can't be compared. A failed request without a dead letter is no
difference: the dead letter was discarded, which leaves no trace.`

function answerOf({ differences, read, untold }: Reconciliation): Answer {
  const agrees = `everything agrees: ${count(read.quotas, 'quota item')}, ${count(read.items, 'request')}, ${count(read.rows, 'row')}`
  return {
    json: differences,
    lines: [...(differences.length === 0 ? [agrees] : differences.map(lineOf)), ...notes(untold)],
    refusals: differences.length === 0 ? [] : [refusalLine(`${count(differences.length, 'difference')} found`)],
  }
}

const lineOf = ({ kind, where, expected, found }: Difference): string =>
  `${kind}: ${where}: expected ${expected}, found ${found}`

function notes({ forgotten, moving, without_letter }: Reconciliation['untold']): string[] {
  return [
    ...note(
      forgotten.quotas,
      `not compared: ${count(forgotten.quotas, 'quota item')} of windows whose request items are gone by now`,
    ),
    ...note(forgotten.rows, `not compared: ${count(forgotten.rows, 'row')} of requests whose items are gone by now`),
    ...note(moving, `not compared: ${count(moving, 'quota item')} that changed each time, since their users are busy`),
    ...note(
      without_letter,
      `without a dead letter: ${count(without_letter, 'failed request')}, discarded by an operator`,
    ),
  ]
}

const note = (n: number, sentence: string): string[] => (n === 0 ? [] : [sentence])

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
