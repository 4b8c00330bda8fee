// A function imports this file before its own code. When the function calls the model `crashing`, it crashes with an uncaught exception.
import { channel } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'

channel('http.client.request.created').subscribe(message => {
  const { request } = message as { request: ClientRequest }
  if (!request.path.startsWith('/crashing')) return
  setImmediate(() => {
    throw new TypeError("Cannot read properties of undefined (reading 'crash')")
  })
})
