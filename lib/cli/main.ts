import { Command, CommanderError, Option } from 'commander'
import type { Clock, Sleep } from '../../functions/core/platform/clock.ts'
import type { Environment } from '../config/interpolate.ts'
import { readOwnPackageJson } from '../installation.ts'
import { adminOf } from './admin.ts'
import { type Answer, type Run, refusalLine, type Tell } from './answer.ts'
import { addConfig } from './commands/config.ts'
import { addConsole } from './commands/console.ts'
import { addCost } from './commands/cost.ts'
import { addDeadLetters } from './commands/dead-letters.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEnv } from './commands/env.ts'
import { addInit } from './commands/init.ts'
import { addKeys } from './commands/keys.ts'
import { addModels } from './commands/models.ts'
import { addQuota } from './commands/quota.ts'
import { addReconcile } from './commands/reconcile.ts'
import { addRequests } from './commands/requests.ts'
import { addStart } from './commands/start.ts'
import { addUsers } from './commands/users.ts'
import { escaped, printable } from './printable.ts'
import { openTarget, type TargetChoice } from './target.ts'

/** 0: done. 1: refused or failed. 2: wrong usage. */
export type ExitCode = 0 | 1 | 2

/** What the command line reads and writes besides its arguments. */
export interface Io {
  readonly env: Environment
  readonly clock?: Clock
  readonly sleep?: Sleep
  out(text: string): void
  err(text: string): void
  /** Asks the person at the terminal, and resolves with the line that is typed. Absent where there is no terminal. */
  ask?(question: string): Promise<string>
  /** Runs the local system, and ends the process. */
  start?(): Promise<void>
  /** Resolves at Ctrl-C, for a command that runs until then. */
  untilStopped?(): Promise<void>
}

/** How commands print: a whole answer, or lines for people on stdout and stderr. */
interface Console extends Io {
  finish(answer: Answer): void
  tell: Tell
  note: Tell
}

/** Runs `sluice <argv…>`. It never rejects: an error is one line on stderr and an exit code. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  // Looked for before the arguments are parsed, so that errors in the arguments are JSON, too.
  const json = argv.includes('--json')
  let exitCode: ExitCode = 0
  const toPeople = (write: Io['out'], lines: readonly string[]): void => {
    if (!json) print(write, lines.map(printable))
  }
  const finish = ({ json: data, lines, refusals = [] }: Answer): void => {
    exitCode = refusals.length === 0 ? 0 : 1
    if (json) print(io.out, [toJson(data)])
    toPeople(io.out, lines)
    toPeople(io.err, refusals)
  }
  const tell: Tell = line => toPeople(io.out, [line])
  const note: Tell = line => toPeople(io.err, [line])
  try {
    await commandLine({ ...io, finish, tell, note }).parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError && PRINTED.has(error.code)) return error.exitCode === 0 ? 0 : 2
    const sentence = sentenceOf(error)
    print(io.err, [json ? escaped(JSON.stringify({ error: sentence })) : refusalLine(sentence)])
    return error instanceof CommanderError ? 2 : 1
  }
}

function commandLine(io: Console): Command {
  const program = new Command('sluice')
    .description('Operates a Sluice system: the one on this machine while it runs, or a deployed stack.')
    .version(readOwnPackageJson().version, '--version', 'print the version of Sluice')
    .option('--json', 'answer with one JSON document')
    .addOption(new Option('--target <target>', 'which system').choices(['local', 'aws']).default('local'))
    .option('--stack <name>', 'the name of the deployed stack, with --target aws (default: "sluice")')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => {} })
    .exitOverride()
  const open = async () => {
    const choice = program.opts<TargetChoice>()
    if (choice.stack !== undefined && choice.target !== 'aws') program.error('error: --stack goes with --target aws')
    return adminOf(await openTarget(choice, io), io.clock, io.sleep)
  }
  const run: Run = async operation => io.finish(await operation(await open(), io.tell))
  addInit(program, io)
  addStart(program, io)
  addConsole(program, open, io)
  addConfig(program, io)
  addCost(program, io)
  addDoctor(program, io)
  addEnv(program, io)
  addKeys(program, run)
  addUsers(program, run, io.ask)
  addQuota(program, run)
  addRequests(program, run)
  addModels(program, run)
  addDeadLetters(program, run)
  addReconcile(program, run)
  return program
}

/** Commander has printed help, because it was asked for or the command was incomplete, or the version. */
const PRINTED: ReadonlySet<string> = new Set(['commander.help', 'commander.helpDisplayed', 'commander.version'])

const API_KEY = /sk_sluice_\w+/g

/** Makes one line without secrets. Somebody may type a key in place of its id, and the key must not get into a terminal's log. */
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

// Data of users may hold characters that act on a terminal. People see none of them, and programs get them escaped.
const toJson = (value: unknown): string => escaped(JSON.stringify(value, null, 2))
