import { existsSync } from 'node:fs'
import { extname } from 'node:path'

/** Returns the URL of the module `name` beside the module with the given URL. In a checkout, both modules are TypeScript. In the npm package, JavaScript. */
export const moduleBeside = (url: string, name: string): URL => new URL(`./${name}${extname(url)}`, url)

/**
 * Finds the file that a thread runs first: the compiled file `name` in the folder `compiled` or, without such a file, the module `name` beside the module
 * with the given URL. With a compiled file, the thread starts faster and needs less memory, because it does not load Node's compiler for TypeScript. The
 * folder may be missing: a start of a changed checkout deletes older compiled files, also while this process runs.
 */
export function firstFile(compiled: URL | undefined, url: string, name: string): URL {
  const file = compiled && new URL(`${name}.mjs`, compiled)
  return file && existsSync(file) ? file : moduleBeside(url, name)
}
