import type * as z from 'zod'
import type { System } from './system.ts'

interface Described {
  readonly method: 'GET' | 'POST'
  /** Under the address of the API: `/models/{model}/reset`. */
  readonly path: string
  /** For the documentation: what the operation does, and what it answers. */
  readonly does: string
  readonly answers: string
}

/** An operation of the operator API. */
interface Declared<Params, Query, Body> extends Described {
  readonly params: z.ZodType<Params>
  readonly query: z.ZodType<Query>
  readonly body: z.ZodType<Body>
  /** Throws `Refusal` if it can't be done as asked, and `Unavailable`. */
  readonly run: (
    system: System,
    input: { readonly params: Params; readonly query: Query; readonly body: Body },
  ) => Promise<unknown>
}

/** The input of a call as it came. */
export interface Raw {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
}

/** An operation that checks its own input. */
export interface Route extends Described {
  readonly schemas: { readonly params: z.ZodType; readonly query: z.ZodType; readonly body: z.ZodType }
  /** Throws a `ZodError` if the input is not as declared, `Refusal` if it can't be done as asked, and `Unavailable`. */
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
