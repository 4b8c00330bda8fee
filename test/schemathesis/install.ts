import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The version of schemathesis. It is pinned, because a new version may have other checks and so other findings. */
const VERSION = '4.32.5'

/** Installs schemathesis into its own Python environment, which is kept for the next run, and returns the path of its command. */
export async function installSchemathesis(): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const home = join(cache, 'sluice', `schemathesis-${VERSION}`)
  const command = join(home, 'bin/schemathesis')
  if (existsSync(command)) return command
  await rm(home, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', home])
  await run(join(home, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${VERSION}`])
  return command
}
