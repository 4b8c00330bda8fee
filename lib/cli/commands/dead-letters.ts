import type { Command } from 'commander'
import { iso } from '../../../functions/core/platform/clock.ts'
import type { RecordedDeadLetter } from '../../../functions/core/stores/ledger/dead-letters.ts'
import { age } from '../age.ts'
import { type Answer, type Run, refusalLine } from '../answer.ts'
import { letterName, letterNames } from '../arguments.ts'
import { columns, facts } from '../columns.ts'
import type { DeadLetterDetails, RedrivenLetter, Refused } from '../operations/dead-letters.ts'
import { watchable } from '../watch.ts'

/** Adds the command `sluice dead-letters list|show|redrive|discard` */
export function addDeadLetters(program: Command, run: Run): void {
  const deadLetters = program
    .command('dead-letters')
    .description('requests that failed, messages of inputs that were refused, and unreadable messages')
  watchable(deadLetters.command('list'))
    .description('the dead letters, oldest first')
    .option('--model <model>', 'only dead letters of one model')
    .addHelpText('after', LIST_HELP)
    .action(({ model, watch }: { model?: string; watch?: number }) =>
      run(
        async admin => {
          const { listDeadLetters } = await operations()
          return listed(await listDeadLetters(admin, model), admin.clock())
        },
        { watch },
      ),
    )
  deadLetters
    .command('show')
    .description('a dead letter with its message, and with the answer if an input refused it')
    .argument('<id>', 'a request id, or the id of a message that was refused or is unreadable', letterName)
    .action((name: string) => run(async admin => shown(await (await operations()).showDeadLetter(admin, name))))
  const redrive: Command = deadLetters
    .command('redrive')
    .description(
      'run the requests of dead letters again (each new run is charged), and send refused messages to their input queue again',
    )
    .argument('[id...]', 'request ids, or ids of refused messages', letterNames)
    .option('--model <model>', 'all dead letters of one model; with ids, only the ids of this model')
    .option('--all', 'all dead letters')
    .addHelpText('after', REDRIVE_HELP)
    .action((names: string[], { model, all }: { model?: string; all?: boolean }) => {
      if (names.length === 0 && model === undefined && !all)
        redrive.error('error: nothing to redrive: give ids, --model MODEL, or --all for all dead letters')
      if (all && (names.length > 0 || model !== undefined))
        redrive.error('error: --all goes without ids and without --model')
      return run(async (admin, tell) => {
        const { redriveDeadLetters } = await operations()
        const choice = { model, names, all }
        const redrives = await redriveDeadLetters(admin, choice, letter => tell(sentenceOfRedriven(letter)))
        const lines = redrives.redriven.length > 0 ? [] : ['Nothing was redriven.']
        return { json: redrives, lines, refusals: redrives.refused.map(lineOf) }
      })
    })
  deadLetters
    .command('discard')
    .description('delete dead letters; their requests stay failed')
    .argument('<id...>', 'request ids, or ids of messages that were refused or are unreadable', letterNames)
    .addHelpText('after', DISCARD_HELP)
    .action((names: string[]) =>
      run(async admin => {
        const { discardDeadLetters } = await operations()
        const discards = await discardDeadLetters(admin, names)
        const lines = discards.discarded.map(id => `${id} is discarded.`)
        const orNothing = lines.length > 0 ? lines : ['Nothing was discarded.']
        return { json: discards, lines: orNothing, refusals: discards.refused.map(lineOf) }
      }),
    )
}

const LIST_HELP = `
With --json: [ { "request_id", "model", "reason", "attempts", "at" } ]. A message that Sluice can't read, or that was
refused at an input, belongs to no request: its request_id and model are null. Give its "id" to redrive and discard.`

const REDRIVE_HELP = `
With --json: { "redriven": [ { "request_id", "run" } | { "id", "queue" } ], "refused": [ { "id", "reason" } ] }. Exit code 1 if
a dead letter was refused.`

const DISCARD_HELP = `
With --json: { "discarded": [ id ], "refused": [ { "id", "reason" } ] }. Exit code 1 if a dead letter was refused.`

const operations = () => import('../operations/dead-letters.ts')

const nameOf = ({ request_id, id }: RecordedDeadLetter): string => request_id ?? id

function listed(letters: readonly RecordedDeadLetter[], now: number): Answer {
  const rows = letters.map(letter => [
    nameOf(letter),
    age(iso(letter.at), now),
    letter.model ?? '',
    String(letter.attempts),
    letter.reason,
  ])
  const heading = ['dead letter', 'age', 'model', 'attempts', 'reason']
  return { json: letters.map(viewOf), lines: [], table: width => columns(heading, rows, width) }
}

function shown({ message, error, ...letter }: DeadLetterDetails): Answer {
  const lines = facts({
    'dead letter': nameOf(letter),
    model: letter.model ?? undefined,
    reason: letter.reason,
    error: error?.message,
    'model status': error?.status === undefined ? undefined : String(error.status),
    'model said': error?.detail,
    attempts: String(letter.attempts),
    at: iso(letter.at),
  })
  const text = message === undefined ? '(none is kept)' : JSON.stringify(message, null, 2)
  return { json: { ...viewOf(letter), error, message }, lines: [...lines, '', 'message:', text] }
}

const viewOf = ({ id, request_id, model, reason, attempts, at }: RecordedDeadLetter) => ({
  ...(request_id === null && { id }),
  request_id,
  model,
  reason,
  attempts,
  at: iso(at),
})

const sentenceOfRedriven = (redriven: RedrivenLetter): string =>
  'queue' in redriven
    ? `${redriven.id} is sent to ${redriven.queue} again.`
    : `${redriven.request_id} is queued again, as run ${redriven.run}.`

const lineOf = ({ id, reason }: Refused): string => refusalLine(`${id}: ${reason}`)
