// Node imports this file before a program. It sends the signal of Ctrl-C as soon as the program imports lib/start.ts.
import { registerHooks } from 'node:module'

registerHooks({
  load(url, context, nextLoad) {
    if (url.endsWith('/lib/start.ts')) process.kill(process.pid, 'SIGINT')
    return nextLoad(url, context)
  },
})
