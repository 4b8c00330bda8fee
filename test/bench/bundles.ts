import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bundle, bundleAll, bundleSource, type CommonEntryPoint } from '../../lib/bundle.ts'
import { compareImports, importable } from './import-time.ts'
import { round, table } from './table.ts'

const RUNS = 7

/** The SDK clients that each function imports at its start. The function's bundle is compared with a bundle of only these clients. */
const CLIENTS: Record<CommonEntryPoint, readonly string[]> = {
  authorizer: ['dynamodb'],
  gateway: ['dynamodb', 'sqs'],
  intake: ['dynamodb', 'sqs'],
  reader: ['dynamodb', 'sqs', 'rds-data'],
  worker: ['dynamodb', 'sqs', 'secrets-manager'],
  collector: ['dynamodb', 'sqs', 'rds-data'],
  sweeper: ['dynamodb', 'sqs'],
  retention: ['rds-data'],
  migrator: ['rds-data', 'secrets-manager'],
}

/**
 * Measures the minified size of each function and the CPU time of its import. Compares both with a bundle of only the function's SDK
 * clients, since Sluice can't make these smaller. The two imports run in turn, each in a new process.
 */
export async function benchBundles(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  try {
    const bundles = await bundleAll()
    const rows: (string | number)[][] = []
    for (const [name, clients] of Object.entries(CLIENTS) as [CommonEntryPoint, string[]][]) {
      const ours = importable(bundles[name], join(folder, name))
      const bare = await bundleSource(clients.map(client => `export * from '@aws-sdk/client-${client}'`).join('\n'))
      const theirs = importable(bare, join(folder, `${name}-bare`))
      const { ratio } = compareImports(ours, theirs, RUNS)
      const sizes = { all: size(bundles[name]), bare: size(bare) }
      rows.push([name, kb(sizes.all), kb(sizes.bare), round(sizes.all / sizes.bare), round(ratio)])
    }
    const head = ['function', 'minified KB', 'bare clients KB', 'size ratio', 'import ratio']
    return `Bundles, and their import in a new process (${RUNS} pairs, median)\n\n${table(head, rows)}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const size = ({ files }: Bundle): number =>
  [...files].reduce((sum, [name, contents]) => sum + (name.endsWith('.mjs') ? contents.length : 0), 0)
const kb = (bytes: number) => Math.round(bytes / 1000)
