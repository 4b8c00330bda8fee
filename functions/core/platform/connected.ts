/** Where a runtime puts a function that gets each AWS client, and the milliseconds that a call may take. */
const CONNECT = Symbol.for('sluice.connect')

/**
 * Lets the runtime lead the calls of an AWS client another way. The local system does that, since its emulators run in the same
 * process. Lambda has no such function, and there the client stays as it is.
 */
export function connected<Client extends object>(client: Client, ms: number): Client {
  const connect: unknown = Reflect.get(globalThis, CONNECT)
  if (typeof connect === 'function') connect(client, ms)
  return client
}
