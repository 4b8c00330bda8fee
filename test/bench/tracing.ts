import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleFunction } from '../../lib/bundle.ts'
import { compareImports, importable } from './import-time.ts'
import { round, table } from './table.ts'

const PAIRS = 21

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

/** The text of the file that replaces `tracing/compose.ts` in the copy of the functions without tracing. */
const WITHOUT_TRACING = `import { untraced } from './port.ts'
export const composeTracing = () => untraced
`

/**
 * Measures how much the code for traces slows a cold start if tracing is off. Compares the import of a function with the import of the
 * same function without this code. A comparison of the function with itself shows how much the measurement varies by chance.
 */
export async function benchTracing(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  try {
    const bare = withoutTracing(join(folder, 'source'))
    const rows: (string | number)[][] = []
    for (const name of ['gateway', 'worker'] as const) {
      const ours = importable(await bundleFunction(name), join(folder, name))
      const twin = importable(await bundleFunction(name), join(folder, `${name}-twin`))
      const theirs = importable(await bundleFunction(name, bare), join(folder, `${name}-bare`))
      const found = compareImports(ours, theirs, PAIRS)
      const chance = compareImports(ours, twin, PAIRS)
      rows.push([name, round(found.theirs, 0), round(found.ours, 0), round(found.ratio, 3), round(chance.ratio, 3)])
    }
    const head = ['function', 'without, ms', 'tracing off, ms', 'ratio', 'ratio to itself']
    return `CPU time of an import, with the code for traces and without (${PAIRS} pairs, medians)\n\n${table(head, rows)}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Makes a copy of the functions without tracing, and returns its folder. */
function withoutTracing(folder: string): string {
  mkdirSync(folder)
  cpSync(join(REPOSITORY, 'functions'), join(folder, 'functions'), { recursive: true })
  for (const name of ['node_modules', 'package.json', 'tsconfig.json'])
    symlinkSync(join(REPOSITORY, name), join(folder, name))
  writeFileSync(join(folder, 'functions/core/platform/tracing/compose.ts'), WITHOUT_TRACING)
  return folder
}
