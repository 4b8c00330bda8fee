/** An object that is there only once it is used: what a suite names before its `beforeAll` has made it. */
export const deferred = <T extends object>(get: () => T): T =>
  new Proxy({} as T, { get: (_, name) => Reflect.get(get(), name) })
