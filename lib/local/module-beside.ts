import { existsSync } from 'node:fs'
import { extname } from 'node:path'

/** Returns the URL of the module `name` beside the module with this URL. Both are TypeScript in a checkout, and JavaScript in the npm package. */
export const moduleBeside = (url: string, name: string): URL => new URL(`./${name}${extname(url)}`, url)

/**
 * Finds the first file of a thread: the one of this name in the folder of compiled ones, or the module beside the module with this URL. The
 * folder may be gone, since another start of a changed checkout has deleted it.
 */
export function firstFile(compiled: URL | undefined, url: string, name: string): URL {
  const file = compiled && new URL(`${name}.mjs`, compiled)
  return file && existsSync(file) ? file : moduleBeside(url, name)
}
