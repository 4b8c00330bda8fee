import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type Bundle, writeBundle } from '../../lib/bundle.ts'
import { median } from './table.ts'

/** Writes a bundle into a new folder. Answers with the file to import. */
export function importable(bundle: Bundle, folder: string): string {
  writeBundle(bundle, folder)
  return join(folder, 'index.mjs')
}

/**
 * The CPU time of an import in a new process, in milliseconds, over all of its threads. The wall clock of a busy machine scatters by more
 * than what is measured. An entry point that misses its environment throws once all is loaded, so only the loading is measured.
 */
function importTime(file: string): number {
  const script = `const start = process.cpuUsage(); try { await import(${JSON.stringify(file)}) } catch {} const { user, system } = process.cpuUsage(start); process.stdout.write(String((user + system) / 1000))`
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }))
}

export interface Compared {
  /** The medians of both, in milliseconds. */
  readonly ours: number
  readonly theirs: number
  /** The median of the ratios of the pairs. */
  readonly ratio: number
}

/** Imports two files in turns, in so many pairs. Each pair begins with the other one. */
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
