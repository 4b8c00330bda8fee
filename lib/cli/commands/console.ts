import { type Command, InvalidArgumentError } from 'commander'
import { ownVersion } from '../../version.ts'
import type { Admin } from '../admin.ts'
import type { Answer } from '../answer.ts'
import { DEFAULT_STACK, type TargetChoice } from '../target-choice.ts'

interface Io {
  /** Prints an answer, at once. */
  finish(answer: Answer): void
  /** Returns a signal that is aborted by Ctrl-C. From this call on, Ctrl-C does not kill the process: the command ends by itself. */
  interrupted?(): AbortSignal
}

/** Adds the command `sluice console` */
export function addConsole(program: Command, open: () => Promise<Admin>, { finish, interrupted }: Io): void {
  program
    .command('console')
    .description('serve the console of a system on 127.0.0.1, until Ctrl-C')
    .option('--port <port>', 'the port; 0 picks a free one', portNumber, 0)
    .addHelpText('after', HELP)
    .action(async ({ port }: { port: number }) => {
      const { target = 'local', stack = DEFAULT_STACK } = program.opts<TargetChoice>()
      const admin = await open()
      const { serveConsole } = await import('../../console/serve.ts')
      const name = target === 'aws' ? stack : 'local'
      const { url, close } = await serveConsole({ admin, target, name, version: ownVersion() }, port)
      finish({ json: { url }, lines: [url] })
      await aborted(interrupted?.())
      await close()
    })
}

const HELP = `
The command prints an address with a token, which is valid until the command ends. With --target aws, the console calls AWS with your
own credentials. It never listens on another address than 127.0.0.1. With --json, the command prints { "url" }.`

/** Resolves when the signal is aborted, or at once without a signal. */
const aborted = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise(resolve => {
    if (signal && !signal.aborted) signal.addEventListener('abort', () => resolve())
    else resolve()
  })

const MAX_PORT = 65_535

function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_PORT) return Number(text)
  throw new InvalidArgumentError('It is a number from 0 to 65535.')
}
