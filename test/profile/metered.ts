import type { Engines } from '../bench/engines.ts'

/** The number of calls to one AWS operation, and the bytes of their bodies, without headers. */
export interface Metered {
  readonly calls: number
  readonly sent: number
  readonly received: number
}

const NOTHING: Metered = { calls: 0, sent: 0, received: 0 }

interface Args {
  readonly request?: { readonly body?: unknown }
}

interface Result {
  readonly response?: { readonly headers?: Readonly<Record<string, string>> }
}

interface Client {
  readonly middlewareStack: { add(middleware: unknown, options: { step: 'finalizeRequest'; priority: 'low' }): void }
}

/** Counts the calls, and their bytes, that the AWS clients of the engines make, per operation. */
export class Meter {
  #counted = new Map<string, Metered>()

  /** Returns the same engines with clients whose calls are counted. */
  watch(engines: Engines): Engines {
    const watched = <C extends Client>(client: C): C => {
      const meter =
        (next: (args: Args) => Promise<Result>, context: { commandName?: string }) => async (args: Args) => {
          const result = await next(args)
          const name = (context.commandName ?? '?').replace(/Command$/, '')
          this.#add(name, bytesOf(args.request?.body), Number(result.response?.headers?.['content-length'] ?? 0))
          return result
        }
      client.middlewareStack.add(meter, { step: 'finalizeRequest', priority: 'low' })
      return client
    }
    return {
      ...engines,
      newDynamoDb: () => watched(engines.newDynamoDb()),
      newSqs: () => watched(engines.newSqs()),
      newRdsData: () => watched(engines.newRdsData()),
    }
  }

  /** Returns the counts since the last `take`. */
  take(): ReadonlyMap<string, Metered> {
    const counted = this.#counted
    this.#counted = new Map()
    return counted
  }

  #add(name: string, sent: number, received: number): void {
    this.#counted.set(name, plus(this.#counted.get(name), { calls: 1, sent, received }))
  }
}

export const plus = (a: Metered = NOTHING, b: Metered = NOTHING): Metered => ({
  calls: a.calls + b.calls,
  sent: a.sent + b.sent,
  received: a.received + b.received,
})

const bytesOf = (body: unknown): number =>
  typeof body === 'string' || body instanceof Uint8Array ? Buffer.byteLength(body) : 0
