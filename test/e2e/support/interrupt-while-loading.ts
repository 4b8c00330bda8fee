// Imported before a program: presses Ctrl-C as soon as lib/start.ts is asked for.
import { registerHooks } from 'node:module'

registerHooks({
  load(url, context, nextLoad) {
    if (url.endsWith('/lib/start.ts')) process.kill(process.pid, 'SIGINT')
    return nextLoad(url, context)
  },
})
