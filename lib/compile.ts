import type { BuildOptions } from 'esbuild'

let last: Promise<void> = Promise.resolve()

/**
 * Compiles TypeScript of this checkout to JavaScript that imports its packages. The npm package has neither TypeScript nor esbuild. One call
 * runs after the other, because the end of esbuild's process would leave another build unanswered.
 */
export function compile(options: BuildOptions): Promise<void> {
  const compiled = last.then(() => compileAlone(options))
  last = compiled.catch(() => undefined)
  return compiled
}

async function compileAlone(options: BuildOptions): Promise<void> {
  const { build, stop } = await import('esbuild')
  try {
    await build({
      bundle: true,
      packages: 'external',
      platform: 'node',
      target: 'node24',
      logLevel: 'silent',
      ...options,
    })
  } finally {
    // Its process would stay as long as this one.
    await stop()
  }
}
