// Node imports this file before the program of a test. It sends SIGINT (Ctrl-C) to the program as soon as the program imports lib/start.ts.
import { registerHooks } from 'node:module'

registerHooks({
  load(url, context, nextLoad) {
    if (url.endsWith('/lib/start.ts')) process.kill(process.pid, 'SIGINT')
    return nextLoad(url, context)
  },
})
