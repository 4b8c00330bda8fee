/** A queue or an exchange that gets the messages of a binding. */
interface Target {
  readonly kind: 'queue' | 'exchange'
  readonly name: string
}

interface Binding {
  readonly pattern: string
  readonly to: Target
}

interface Exchange {
  readonly type: string
  readonly bindings: Binding[]
}

/** The exchanges of a broker and their bindings. */
export interface Routes {
  hasExchange(name: string): boolean
  /** Declares an exchange. Throws if an exchange with this name has another type. */
  declare(name: string, type: string): void
  bind(exchange: string, pattern: string, to: Target): void
  /** Returns the queues that get a message. Each queue gets the message once, even if several bindings lead to it. */
  route(exchange: string, key: string): ReadonlySet<string>
}

/** Makes the routes of a broker. The default exchange has an empty name, and routes a message to the queue whose name is the routing key. */
export function createRoutes(hasQueue: (name: string) => boolean): Routes {
  const exchanges = new Map<string, Exchange>()

  function collect(name: string, key: string, found: Set<string>, seen: Set<string>): void {
    if (seen.has(name)) return
    seen.add(name)
    const { type, bindings } = exchanges.get(name) ?? { type: 'direct', bindings: [] }
    for (const { pattern, to } of bindings) {
      if (type === 'topic' ? !matches(pattern.split('.'), key.split('.')) : pattern !== key) continue
      if (to.kind === 'queue') found.add(to.name)
      else collect(to.name, key, found, seen)
    }
  }

  return {
    hasExchange: name => name === '' || exchanges.has(name),
    declare: (name, type) => {
      const known = exchanges.get(name)
      if (known && known.type !== type) throw new Error(`PRECONDITION_FAILED - ${name} is of the type ${known.type}`)
      if (!known) exchanges.set(name, { type, bindings: [] })
    },
    bind: (exchange, pattern, to) => {
      const bindings = exchanges.get(exchange)?.bindings
      if (!bindings) throw new Error(`NOT_FOUND - no exchange ${exchange}`)
      const isBound = bindings.some(
        one => one.pattern === pattern && one.to.name === to.name && one.to.kind === to.kind,
      )
      if (!isBound) bindings.push({ pattern, to })
    },
    route: (exchange, key) => {
      if (exchange === '') return new Set(hasQueue(key) ? [key] : [])
      const found = new Set<string>()
      collect(exchange, key, found, new Set())
      return new Set([...found].filter(hasQueue))
    },
  }
}

/** In the pattern of a topic exchange, `*` is one word, and `#` is any number of words. */
function matches([first, ...pattern]: readonly string[], words: readonly string[]): boolean {
  if (first === undefined) return words.length === 0
  if (first === '#')
    return matches(pattern, words) || (words.length > 0 && matches([first, ...pattern], words.slice(1)))
  const [word, ...others] = words
  return word !== undefined && (first === '*' || first === word) && matches(pattern, others)
}
