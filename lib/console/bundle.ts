import { fileURLToPath } from 'node:url'
import { packagesIn } from '../bundle.ts'
import type { Page } from './answer.ts'
import { pageOf } from './page-policy.ts'

const FOLDER = fileURLToPath(new URL('page', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The console's page, and the folders of the packages with code in it. */
export interface BundledPage {
  readonly page: Page
  readonly packages: readonly string[]
}

/** Bundles the console into one page. Rejects with esbuild's errors. */
export async function bundlePage(): Promise<BundledPage> {
  // esbuild is loaded only here, since the npm package comes without esbuild. The page of the npm package is already made.
  const { build } = await import('esbuild')
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: "import 'uplot/dist/uPlot.min.css'; import './style.css'; import './main.ts'",
      resolveDir: FOLDER,
      sourcefile: 'console.ts',
    },
    absWorkingDir: ROOT,
    outdir: 'console',
    write: false,
    metafile: true,
    bundle: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    logLevel: 'silent',
  })
  const textOf = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text.trim() ?? ''
  const page = pageOf({
    title: 'Sluice console',
    style: textOf('.css'),
    script: textOf('.js'),
    body: '<div id="console"></div><noscript>The console needs JavaScript.</noscript>',
  })
  return { page, packages: packagesIn(metafile) }
}
