import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import manifest from './client/package.json' with { type: 'json' }

const source = fileURLToPath(new URL('client', import.meta.url))
const { 'aws-lambda-ric': version } = manifest.dependencies

/**
 * Returns the entry file of AWS's runtime client for Node, aws-lambda-ric. The client is built once per machine, which takes two minutes. The
 * result is kept outside of the repository. The build needs cmake, make, a C++ compiler and Python.
 */
export function runtimeClient(): string {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sluice')
  const home = join(cache, `aws-lambda-ric-${version}`)
  if (!existsSync(home)) build(cache, home)
  return join(home, 'node_modules', 'aws-lambda-ric', 'index.mjs')
}

function build(cache: string, home: string): void {
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'building-'))
  cpSync(source, folder, { recursive: true })
  // The pinned Node has its own header files, so the build need not download them.
  const env = { ...process.env, npm_config_nodedir: dirname(dirname(process.execPath)) }
  const options = ['--ignore-scripts=false', '--no-audit', '--no-fund']
  try {
    execFileSync('npm', ['ci', ...options], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    throw new Error(`aws-lambda-ric could not be built; it needs cmake, make, g++ and python3.\n${output}`)
  }
  renameSync(folder, home)
}
