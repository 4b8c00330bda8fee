import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The commit of version 0.1.0. */
export const COMMIT = '6427583'
export const HERE = fileURLToPath(new URL('../..', import.meta.url))

/** Checks out a commit of this clone's history into a new folder, and installs its packages. */
export function checkOut(commit: string): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-upgrade-'))
  const archive = execFileSync('git', ['archive', commit], { cwd: HERE, maxBuffer: 1 << 28 })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  if (hasItsPackages(commit)) symlinkSync(join(HERE, 'node_modules'), join(folder, 'node_modules'))
  else execFileSync('npm', ['ci'], { cwd: folder, stdio: 'inherit' })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

type Packages = Readonly<
  Record<string, { readonly version?: string; readonly dev?: boolean; readonly optional?: boolean }>
>

/** Returns true if this checkout has installed each production package of the commit, in the version of the commit's lock file. */
function hasItsPackages(commit: string): boolean {
  if (!existsSync(join(HERE, 'node_modules'))) return false
  const packagesOf = (revision: string): Packages =>
    JSON.parse(
      execFileSync('git', ['show', `${revision}:package-lock.json`], { cwd: HERE, maxBuffer: 1 << 28 }).toString(),
    ).packages
  const now = packagesOf('HEAD')
  return Object.entries(packagesOf(commit)).every(
    ([name, { version, dev, optional }]) => name === '' || dev || optional || now[name]?.version === version,
  )
}

export interface Running {
  readonly apiUrl: string
  /** Runs a command of this version, and returns the JSON that it prints. Throws if it prints no JSON. */
  sluice(...argv: string[]): unknown
  /** Ends all processes of the system. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Runs the `npm start` of a version on a data folder, and resolves when it is ready. */
export async function start(folder: string, data: string, modelUrl: string): Promise<Running> {
  // Both versions use the same configuration file, which is next to the data.
  const config = join(data, '..', 'pipeline.yaml')
  cpSync(join(HERE, 'test/upgrade/pipeline.yaml'), config)
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    PORT: '0',
    SLUICE_DATA: data,
    SLUICE_CONFIG: config,
    MODEL_URL: modelUrl,
  }
  const child = spawn(process.execPath, ['bin/local.ts'], { cwd: folder, env, detached: true })
  const abandon = () => signalAll(child, 'SIGKILL')
  process.once('exit', abandon)
  const apiUrl = await untilReady(child)
  return {
    apiUrl,
    sluice: (...argv) => {
      const { stdout } = spawnSync(process.execPath, ['bin/sluice.ts', ...argv, '--json'], { cwd: folder, env })
      return JSON.parse(stdout.toString())
    },
    end: async signal => {
      process.off('exit', abandon)
      signalAll(child, signal)
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** Sends a signal to the process group of the system. */
function signalAll(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, signal)
}

function untilReady(child: ChildProcess): Promise<string> {
  let text = ''
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      text += chunk.toString()
      const [, apiUrl] = /^ready (\S+)$/m.exec(text) ?? []
      if (apiUrl !== undefined) resolve(apiUrl)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', code => reject(new Error(`it ended with ${code}:\n${text}`)))
  })
}
