import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const execute = promisify(execFile)

/** The PATH without the Node and npm of this checkout. Commands get only this PATH and HOME, and no other environment variable of the test. */
const PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter(folder => !folder.includes('node_modules'))
  .join(delimiter)
export const environment = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH,
  HOME: process.env.HOME ?? '',
  ...more,
})

export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'sluice-package-'))

/** Runs a shell command in a folder, and resolves to its output. Rejects if the command fails. */
export async function sh(folder: string, line: string): Promise<string> {
  const { stdout } = await execute('sh', ['-c', line], { cwd: folder, env: environment(), maxBuffer: 1 << 26 })
  return stdout
}

export interface Started {
  readonly output: string
  /** Sends the signal of Ctrl-C, and resolves to the exit code. */
  interrupt(): Promise<number | null>
}

/**
 * Runs `sluice start` in a folder, and resolves when its output says that it is ready. The command is started without `npx`: `npx` runs a
 * shell, and after Ctrl-C the test would get the exit code of the shell and not the exit code of Sluice.
 */
export async function startIn(folder: string): Promise<Started> {
  const options = { cwd: folder, env: environment({ PORT: '0' }), detached: true }
  const child = spawn(join(folder, 'node_modules/.bin/sluice'), ['start'], options)
  const kill = () => interrupt(child.pid, 'SIGKILL')
  process.once('exit', kill)
  let output = ''
  const ready = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      if (/^ready /m.test(output)) resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', code => reject(new Error(`it ended with ${code}:\n${output}`)))
  })
  await ready
  return {
    output,
    async interrupt() {
      if (child.exitCode === null && child.signalCode === null) {
        interrupt(child.pid, 'SIGINT')
        await once(child, 'exit')
      }
      process.off('exit', kill)
      return child.exitCode
    },
  }
}

/** Sends a signal to all processes of the command, as a terminal does. */
function interrupt(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, signal)
}
