/** An object that is made at its first use. A suite can refer to it before its `beforeAll` has run. */
export const deferred = <T extends object>(get: () => T): T =>
  new Proxy({} as T, { get: (_, name) => Reflect.get(get(), name) })
