import type { BuildOptions } from 'esbuild'

let last: Promise<void> = Promise.resolve()

/**
 * Compiles TypeScript of this checkout to JavaScript that imports packages from node_modules. Only a checkout can call this, because the npm
 * package has neither TypeScript nor esbuild. The calls run one after the other: each call ends esbuild's process when its build is done,
 * and a second build in the same process would never finish.
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
    // Without `stop`, esbuild's process would run, and use memory, as long as this process.
    await stop()
  }
}
