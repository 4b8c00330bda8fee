// Links the Node of this checkout where npm scripts find it. npm 11 does that by itself. npm 10 deletes the link together with the packages of
// the other platforms.
import { existsSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))
const link = join(modules, '.bin', 'node')
if (process.platform !== 'win32' && existsSync(join(modules, '.bin')) && !existsSync(link)) {
  const owner = readdirSync(modules).find(
    name => /^node-(bin-)?(linux|darwin)-/.test(name) && existsSync(join(modules, name, 'bin', 'node')),
  )
  if (owner) symlinkSync(join('..', owner, 'bin', 'node'), link)
}
