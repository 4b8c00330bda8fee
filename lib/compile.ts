import type { BuildOptions } from 'esbuild'

/** Compiles TypeScript of this checkout to JavaScript that imports its packages. The npm package has neither TypeScript nor esbuild. */
export async function compile(options: BuildOptions): Promise<void> {
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
