import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { Refusal } from './cli/refusal.ts'
import { ROOT } from './installation.ts'

/** The major version of Node in Lambda. The functions are compiled for this version, so the local system needs it, too. */
const NODE_MAJOR = 24

const NodePackages = z.object({ optionalDependencies: z.record(z.string(), z.string()) })

/**
 * Runs a script of the local system. If the Node of this process is older than Node 24, another process runs the script with
 * Node 24. Then this process ends when the other process ends.
 */
export async function runLocal(script: URL): Promise<void> {
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) await import(script.href)
  else process.exit(await runWith(nodeOfNpm(), script))
}

/** Runs a script with another Node, passes signals to it, and resolves to its exit code. */
async function runWith(node: string, script: URL): Promise<number> {
  const child = spawn(node, [fileURLToPath(script)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  await once(child, 'exit')
  return child.exitCode ?? 128 + (child.signalCode ? constants.signals[child.signalCode] : 0)
}

/** Returns the path of Node 24 in npm's cache. npm downloads Node 24 if it is not in the cache. Throws `Refusal` if npm can't do this. */
function nodeOfNpm(): string {
  const wanted = nodePackage()
  process.stdout.write(`this is Node ${process.versions.node}: npm gets ${wanted} for the local system\n`)
  const args = ['exec', '--yes', `--package=${wanted}`, '--', 'node', '--print', 'process.execPath']
  const { status, stdout, stderr } = spawnSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32' })
  const path = stdout?.trim().split('\n').at(-1)
  if (status === 0 && path) return path
  const reason = stderr?.trim().split('\n').at(-1) ?? 'npm is not there'
  throw new Refusal(
    `the local system needs Node ${NODE_MAJOR}, and npm could not get it: install Node ${NODE_MAJOR} (${reason})`,
  )
}

/** Returns the npm package that contains Node 24 for this platform, as `name@version`. Throws `Refusal` if there is no package for the platform. */
function nodePackage(): string {
  const { optionalDependencies } = NodePackages.parse(
    JSON.parse(readFileSync(new URL('bin/node/package.json', ROOT), 'utf8')),
  )
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const found = Object.entries(optionalDependencies).find(([name]) => name.endsWith(`-${platform}-${process.arch}`))
  if (!found)
    throw new Refusal(
      `the local system needs Node ${NODE_MAJOR}: this is ${process.versions.node}; install Node ${NODE_MAJOR}`,
    )
  return found.join('@')
}
