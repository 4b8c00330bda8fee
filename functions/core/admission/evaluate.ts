import { RequestError } from '../domain/errors.ts'
import { EvaluationError, type Expression } from '../expressions/expression.ts'

/**
 * The longest time of one expression in JSONata's thread, in milliseconds. A request that takes longer is refused, and
 * costs nothing. So an attacker's text can't keep a slow regular expression busy for long. Usual expressions take 5 to
 * 20 ms for 4 MB. An expression that searches for addresses takes 100 ms.
 */
export const ADMISSION_MS = 200

/**
 * Evaluates an expression of pipeline.yaml over the fields of a request, and reads the value. `name` is its place, such
 * as `routing[0].when`. If the expression fails or `read` throws `EvaluationError`, it throws the `RequestError` that
 * refuses the request.
 */
export async function evaluateForRequest<T>(
  expression: Expression,
  fields: Readonly<Record<string, unknown>> & { readonly user_id: string },
  name: string,
  read: (value: unknown) => T,
): Promise<T> {
  try {
    return read(await expression(fields, fields.user_id))
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    throw new RequestError(
      'invalid_request',
      `${name} cannot be evaluated for this request`,
      { problems: [{ path: name, message: error.message }] },
      { cause: error },
    )
  }
}
