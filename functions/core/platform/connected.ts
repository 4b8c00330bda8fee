/**
 * The global name of a function that a runtime may set. It gets each AWS client, and the longest time of a call in
 * milliseconds.
 */
const CONNECT = Symbol.for('sluice.connect')

/**
 * Lets the runtime redirect the calls of an AWS client. The local system does this, because its emulators run in the
 * same process. Lambda has no such function, so the client is not changed there.
 */
export function connected<Client extends object>(client: Client, ms: number): Client {
  const connect: unknown = Reflect.get(globalThis, CONNECT)
  if (typeof connect === 'function') connect(client, ms)
  return client
}
