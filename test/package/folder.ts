import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const execute = promisify(execFile)

/** The Node and npm of the machine: those of this checkout are not on the path. Nothing of the test's own environment is handed on. */
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

/** Runs a line of a shell in a folder, and resolves to what it printed. Rejects if it fails. */
export async function sh(folder: string, line: string): Promise<string> {
  const { stdout } = await execute('sh', ['-c', line], { cwd: folder, env: environment(), maxBuffer: 1 << 26 })
  return stdout
}

export interface Started {
  readonly output: string
  /** Ctrl-C. Resolves to the exit code. */
  interrupt(): Promise<number | null>
}

/**
 * Runs `sluice start` in a folder, and resolves when it says that it is ready. `npx` would run it in a shell, which a Ctrl-C ends by its
 * signal: then the exit code is not that of Sluice.
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

/** A terminal sends a signal to all processes of the command. */
function interrupt(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, signal)
}
