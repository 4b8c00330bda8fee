import { readFile } from 'node:fs/promises'
import { IS_PACKAGE, ROOT } from '../installation.ts'
import type { Page } from './answer.ts'

/** The file with the console's page in the npm package. */
export const PAGE_FILE = new URL('dist/console.json', ROOT)

let loaded: Promise<Page> | undefined

/** Loads the console's page, once per process. A checkout makes the page from its sources. The npm package has the page in a file. */
export function loadPage(): Promise<Page> {
  loaded ??= IS_PACKAGE ? readPage() : import('./bundle.ts').then(async ({ bundlePage }) => (await bundlePage()).page)
  return loaded
}

const readPage = async (): Promise<Page> => JSON.parse(await readFile(PAGE_FILE, 'utf8'))
