import toFastProperties from 'to-fast-properties'
import { signatureV4 } from './call-signer.ts'
import { clientTimeouts } from './client-timeouts.ts'

/**
 * The key of a function in `globalThis`. Only the local system sets this function, to redirect the calls to AWS clients
 * to its emulators. The function gets each client, and the longest time of a call in milliseconds.
 */
const CONNECT = Symbol.for('sluice.connect')

/** Returns the settings of a client that functions call for each request. Each try takes at most `ms` milliseconds. */
export const leanSettings = (ms: number) => ({
  ...clientTimeouts(ms),
  // The SDK then makes the chain of middleware once per command, and not once per call, which saves CPU time.
  cacheMiddleware: true,
  httpAuthSchemes: [signatureV4()],
})

/** The part of an AWS SDK client that this module uses. */
interface Client {
  readonly config: object
  readonly middlewareStack: { remove(name: string): boolean }
}

/**
 * Removes work that a client does on each call without use for Sluice, and returns the client. The inputs and the
 * outputs of calls stay the same.
 */
export function leanClient<C extends Client>(client: C, ms: number): C {
  // This middleware copies each input and output for the client's logger. No client here has a logger.
  client.middlewareStack.remove('loggerMiddleware')
  // This middleware builds the user agent header for each call. Only a log of all single calls (CloudTrail) would show
  // this header.
  client.middlewareStack.remove('getUserAgentMiddleware')
  // The SDK copies the settings three times per call. V8 copies an object with fast properties several times as fast.
  toFastProperties(client.config)
  // In the local system, this function redirects the calls to the emulators in the same process. On Lambda, it is absent.
  const connect: unknown = Reflect.get(globalThis, CONNECT)
  if (typeof connect === 'function') connect(client, ms)
  return client
}
