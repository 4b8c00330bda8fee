import { setTimeout } from 'node:timers/promises'
import { Command, CommanderError, Option } from 'commander'
import type { Clock, Sleep } from '../../functions/core/platform/clock.ts'
import { ownVersion } from '../version.ts'
import type { Admin } from './admin.ts'
import { type Answer, type Follow, type Run, refusalLine, type Tell } from './answer.ts'
import { DEFAULT_WIDTH } from './columns.ts'
import { addCompletion } from './commands/completion.ts'
import { addConfig } from './commands/config.ts'
import { addConsole } from './commands/console.ts'
import { addCost } from './commands/cost.ts'
import { addDeadLetters } from './commands/dead-letters.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEnv } from './commands/env.ts'
import { addInit } from './commands/init.ts'
import { addKeys } from './commands/keys.ts'
import { addLogs } from './commands/logs.ts'
import { addModels } from './commands/models.ts'
import { addQuota } from './commands/quota.ts'
import { addReconcile } from './commands/reconcile.ts'
import { addRequests } from './commands/requests.ts'
import { addStart } from './commands/start.ts'
import { addSubmit } from './commands/submit.ts'
import { addUsers } from './commands/users.ts'
import { paint } from './paint.ts'
import { escaped, printable } from './printable.ts'
import type { Place } from './project.ts'
import { checkChoice, type TargetChoice } from './target-choice.ts'

// A command loads its modules when it runs. Otherwise a short command would spend most of its time on loading the
// modules of other commands.

/** 0: done. 1: refused or failed. 2: wrong usage. */
export type ExitCode = 0 | 1 | 2

/** The inputs and outputs of the command line besides its arguments. */
export interface Io extends Place {
  readonly clock?: Clock
  readonly sleep?: Sleep
  /** The most characters in a line of a table. */
  readonly width?: number | undefined
  /** Whether stdout is a terminal whose user wants colours. */
  readonly colour?: boolean | undefined
  out(text: string): void
  err(text: string): void
  /** Asks the person at the terminal, and resolves with the typed line. Absent without a terminal. */
  ask?(question: string): Promise<string>
  /** Reads all of stdin. */
  readInput?(): Promise<string>
  /**
   * Returns a signal that is aborted by Ctrl-C, and when the reader of the output has closed the pipe. From this call on, Ctrl-C
   * does not kill the process: the command ends by itself.
   */
  interrupted?(): AbortSignal
  /** Runs the local system, and ends the process. */
  start?(): Promise<void>
}

/** The ways in which commands print: a whole answer, or lines for people on stdout and stderr. */
interface Console extends Io {
  /** Whether programs read the output: the command prints JSON. */
  readonly json: boolean
  finish(answer: Answer): void
  tell: Tell
  note: Tell
}

/** Runs `sluice <argv…>`. It never rejects: an error is one line on stderr and an exit code. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  // This is read before the arguments are parsed, so that errors in the arguments are JSON, too.
  const json = argv.includes('--json')
  let exitCode: ExitCode = 0
  const toPeople = (write: Io['out'], lines: readonly string[]): void => {
    if (!json)
      print(
        write,
        lines.map(printable).map(line => (io.colour ? paint(line) : line)),
      )
  }
  const finish = ({ json: data, lines, table, refusals = [] }: Answer): void => {
    exitCode = refusals.length === 0 ? 0 : 1
    if (json) print(io.out, [toJson(data)])
    toPeople(io.out, [...(table?.(io.width ?? DEFAULT_WIDTH) ?? []), ...lines])
    toPeople(io.err, refusals)
  }
  const tell: Tell = line => toPeople(io.out, [line])
  const note: Tell = line => toPeople(io.err, [line])
  try {
    await commandLine({ ...io, json, finish, tell, note }).parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError && PRINTED.has(error.code)) return error.exitCode === 0 ? 0 : 2
    const sentence = sentenceOf(error)
    if (json) print(io.err, [escaped(JSON.stringify({ error: sentence }))])
    else toPeople(io.err, [refusalLine(sentence)])
    return error instanceof CommanderError ? 2 : 1
  }
}

/** Makes all commands. They do nothing before they are called. */
export function commandLine(io: Console): Command {
  const program = new Command('sluice')
    .description('Operates a Sluice system: the one on this machine while it runs, or a deployed stack.')
    .version(io.json ? toJson({ version: ownVersion() }) : ownVersion(), '--version', 'print the version of Sluice')
    .option('--json', 'answer with one JSON document')
    .addOption(new Option('--target <target>', 'the system to operate').choices(['local', 'aws']).default('local'))
    .option('--stack <name>', 'the name of the deployed stack, with --target aws (default: "sluice")')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => {} })
    .exitOverride()
    .hook('preAction', () => checkChoice(program, program.opts<TargetChoice>()))
  const open = async (): Promise<Admin> => {
    const [{ openTarget }, { adminOf }] = await Promise.all([import('./target.ts'), import('./admin.ts')])
    return adminOf(await openTarget(program.opts<TargetChoice>(), io), io.clock, io.sleep)
  }
  const run: Run = async (operation, { watch } = {}) => {
    let admin = await open()
    if (watch === undefined) return io.finish(await operation(admin, io.tell))
    const wait = waiting(io)
    const { goOn } = await import('./go-on.ts')
    const { read, waitMs } = goOn(io.note)
    // A failure of the first run ends the command, because it is more likely a mistake in the command than an outage.
    let answer: Answer | undefined = await operation(admin, io.tell)
    for (;;) {
      if (answer && io.colour) io.out(CLEAR)
      if (answer) io.finish(answer)
      if (!(await wait(waitMs(1_000 * watch)))) return
      answer = await read(async afterFailure => {
        // A local system that was restarted has other addresses, so they are read again. If no local system runs, the
        // command ends.
        if (afterFailure) admin = await open()
        return operation(admin, io.tell)
      })
    }
  }
  const follow: Follow = async operation => {
    const admin = await open()
    const { json } = program.opts<{ json?: boolean }>()
    const feed = (line: string, value: unknown) =>
      json ? io.out(`${escaped(JSON.stringify(value))}\n`) : io.tell(line)
    await operation(admin, { print: feed, note: io.note, wait: waiting(io) })
  }
  addInit(program, io)
  addStart(program, io)
  addConsole(program, open, io)
  addConfig(program, io)
  addCost(program, io)
  addDoctor(program, io)
  addEnv(program, io)
  addCompletion(program, io)
  addSubmit(program, run, io.readInput)
  addLogs(program, run, follow)
  addKeys(program, run)
  addUsers(program, run, io.ask)
  addQuota(program, run)
  addRequests(program, run)
  addModels(program, run)
  addDeadLetters(program, run)
  addReconcile(program, run)
  return program
}

/** Clears a terminal, so that a list is printed again at the same place. */
const CLEAR = '\u001b[H\u001b[2J'

/** Waits between two runs of an operation. Returns false after Ctrl-C, and after the pipe of the output was closed. */
function waiting({ sleep, interrupted }: Io): (ms: number) => Promise<boolean> {
  const signal = interrupted?.()
  // The signal ends the timer. Otherwise the timer would keep the process alive until the next run.
  const pause = sleep ?? (ms => setTimeout(ms, undefined, { signal }).catch(() => undefined))
  const stopped = new Promise<void>(resolve => signal?.addEventListener('abort', () => resolve()))
  return async ms => {
    if (!signal?.aborted) await Promise.race([pause(ms), stopped])
    return !signal?.aborted
  }
}

/** The codes with which commander ends after it has printed the help or the version. */
const PRINTED: ReadonlySet<string> = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version'])

const API_KEY = /sk_sluice_\w+/g

/**
 * Makes the line of an error, without secrets. A user may type an API key instead of the key's id, and an error may quote
 * the typed text. The key must not get into a log of the terminal.
 */
function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return printable(message)
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(API_KEY, 'sk_sluice_…')
}

function print(write: (text: string) => void, lines: readonly string[]): void {
  if (lines.length > 0) write(`${lines.join('\n')}\n`)
}

// Data of users may contain characters that control a terminal. In lines for people, these characters are replaced. In
// JSON, they are escaped.
const toJson = (value: unknown): string => escaped(JSON.stringify(value, null, 2))
