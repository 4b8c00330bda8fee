/** A proxy of an object that `get` returns at each use. So a test file can pass the object on before its `beforeAll` has made it. */
export const deferred = <T extends object>(get: () => T): T =>
  new Proxy({} as T, { get: (_, name) => Reflect.get(get(), name) })
