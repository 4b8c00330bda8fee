import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'

/** A Prometheus that reads `/metrics` of a system each second. */
export interface Prometheus {
  /** The value of a query that returns one number. Undefined if Prometheus has no value for it yet. */
  query(expression: string): Promise<number | undefined>
  stop(): Promise<void>
}

/** Throws an error that says what to install if Prometheus is missing. */
export function needPrometheus(): void {
  for (const program of ['prometheus', 'promtool'])
    if (spawnSync(program, ['--version']).status !== 0)
      throw new Error(`${program} is not there: install Prometheus, for example Debian's package \`prometheus\``)
}

/** Checks a page with promtool, and returns its output. The output is empty if promtool finds nothing wrong. */
export function checkWithPromtool(page: string): { readonly status: number | null; readonly says: string } {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })
  return { status, says: stdout + stderr }
}

/** Starts a Prometheus that reads `/metrics` of a host and port. */
export async function startPrometheus(target: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'))
  const config = join(folder, 'prometheus.json')
  // Prometheus reads YAML, and JSON is valid YAML.
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s' },
      scrape_configs: [{ job_name: 'sluice', static_configs: [{ targets: [target] }] }],
    }),
  )
  const port = await freePort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const stop = async () => {
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
  return { query: expression => query(`http://127.0.0.1:${port}`, expression), stop }
}

async function query(address: string, expression: string): Promise<number | undefined> {
  const url = new URL('/api/v1/query', address)
  url.searchParams.set('query', expression)
  const response = await fetch(url).catch(() => undefined)
  if (!response?.ok) return undefined
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } }
  const text = data.result[0]?.value[1]
  return text === undefined ? undefined : Number(text)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
