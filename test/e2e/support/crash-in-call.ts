// Imported by a function before its own code: whoever calls the model `crashing` ends with an exception that nobody catches.
import { channel } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'

channel('http.client.request.created').subscribe(message => {
  const { request } = message as { request: ClientRequest }
  if (!request.path.startsWith('/crashing')) return
  setImmediate(() => {
    throw new TypeError("Cannot read properties of undefined (reading 'crash')")
  })
})
