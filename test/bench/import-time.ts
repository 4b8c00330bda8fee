import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type Bundle, writeBundle } from '../../lib/bundle.ts'
import { median } from './table.ts'

/** Writes a bundle into a new folder, and returns the path of the file to import. */
export function importable(bundle: Bundle, folder: string): string {
  writeBundle(bundle, folder)
  return join(folder, 'index.mjs')
}

/**
 * The CPU time of an import in a new process, of all its threads, in milliseconds. The wall-clock time varies too much on a busy machine.
 * The entry point throws after its imports, since its environment variables are missing. So only the imports are measured.
 */
function importTime(file: string): number {
  const script = `const start = process.cpuUsage(); try { await import(${JSON.stringify(file)}) } catch {} const { user, system } = process.cpuUsage(start); process.stdout.write(String((user + system) / 1000))`
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }))
}

export interface Compared {
  /** The medians of both imports in milliseconds. */
  readonly ours: number
  readonly theirs: number
  /** The median of the ratios of the pairs. */
  readonly ratio: number
}

/** Imports both files `pairs` times, one after the other. Their order alternates. */
export function compareImports(ours: string, theirs: string, pairs: number): Compared {
  const measured = Array.from({ length: pairs }, (_, i) => {
    if (i % 2 === 0) return { ours: importTime(ours), theirs: importTime(theirs) }
    const first = importTime(theirs)
    return { ours: importTime(ours), theirs: first }
  })
  return {
    ours: median(measured.map(pair => pair.ours)),
    theirs: median(measured.map(pair => pair.theirs)),
    ratio: median(measured.map(pair => pair.ours / pair.theirs)),
  }
}
