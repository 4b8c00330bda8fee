import type * as z from 'zod'
import type { System } from './system.ts'

interface Described {
  readonly method: 'GET' | 'POST'
  /** The path below the address of the API, such as `/models/{model}/reset`. */
  readonly path: string
  /** A sentence for the documentation that says what the operation does. `answers` describes the operation's answer. */
  readonly does: string
  readonly answers: string
}

/** An operation of the operator API. */
interface Declared<Params, Query, Body> extends Described {
  readonly params: z.ZodType<Params>
  readonly query: z.ZodType<Query>
  readonly body: z.ZodType<Body>
  /** Performs the operation. Throws `Refusal` if the operation can't be done, and `Unavailable` if a service can't be reached. */
  readonly run: (
    system: System,
    input: { readonly params: Params; readonly query: Query; readonly body: Body },
  ) => Promise<unknown>
}

/** The unchecked input of a call. */
export interface Raw {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
}

/** An operation that checks its own input. */
export interface Route extends Described {
  readonly schemas: { readonly params: z.ZodType; readonly query: z.ZodType; readonly body: z.ZodType }
  /**
   * Performs the operation. Throws a `ZodError` if the input does not match the schemas, `Refusal` if the operation can't
   * be done, and `Unavailable` if a service can't be reached.
   */
  call(system: System, raw: Raw): Promise<unknown>
}

export function route<Params, Query, Body>(declared: Declared<Params, Query, Body>): Route {
  const { run, params, query, body, ...described } = declared
  return {
    ...described,
    schemas: { params, query, body },
    call: async (system, raw) =>
      run(system, { params: params.parse(raw.params), query: query.parse(raw.query), body: body.parse(raw.body) }),
  }
}
