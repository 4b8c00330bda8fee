import { extname } from 'node:path'

/** Returns the URL of the module `name` beside the module with this URL. Both are TypeScript in a checkout, and JavaScript in the npm package. */
export const moduleBeside = (url: string, name: string): URL => new URL(`./${name}${extname(url)}`, url)
