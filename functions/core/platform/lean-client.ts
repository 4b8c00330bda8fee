import toFastProperties from 'to-fast-properties'
import { clientTimeouts } from './client-timeouts.ts'
import { Sha256 } from './sha256.ts'

/**
 * The global name of a function that a runtime may set. It gets each AWS client, and the longest time of a call in
 * milliseconds.
 */
const CONNECT = Symbol.for('sluice.connect')

/** Returns the settings of a client that functions call for each request. Each try takes at most `ms` milliseconds. */
export const leanSettings = (ms: number) => ({
  ...clientTimeouts(ms),
  // The SDK then makes the chain of middleware once per command, and not once per call.
  cacheMiddleware: true,
  sha256: Sha256,
})

/** What this module uses of a client of the AWS SDK. */
interface Client {
  readonly config: object
  readonly middlewareStack: { remove(name: string): boolean }
}

/**
 * Removes what a client does for nobody on each call, and returns the client. The inputs and the outputs of calls stay
 * the same.
 */
export function leanClient<C extends Client>(client: C, ms: number): C {
  // It copies each input and output for a logger, and no client here has one.
  client.middlewareStack.remove('loggerMiddleware')
  // It builds a header for each call, which only the trail of all single calls would show.
  client.middlewareStack.remove('getUserAgentMiddleware')
  // The SDK copies the settings four times per call. V8 takes several times as long for a copy of an object with slow properties.
  toFastProperties(client.config)
  // The local system redirects the calls, because its emulators run in the same process. Lambda has no such function.
  const connect: unknown = Reflect.get(globalThis, CONNECT)
  if (typeof connect === 'function') connect(client, ms)
  return client
}
