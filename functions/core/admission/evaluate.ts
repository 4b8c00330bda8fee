import { RequestError } from '../domain/errors.ts'
import { EvaluationError, type Expression } from '../expressions/expression.ts'

/**
 * The longest CPU time of one expression in JSONata's thread, in milliseconds. If an expression takes longer for a
 * request, the request is refused, and costs nothing. Other requests wait for this thread. So a hostile text that makes
 * a regular expression slow must not occupy the thread for long. Usual expressions take 5 to 20 ms for a body of 4 MB.
 * A regular expression that searches for e-mail addresses takes 100 ms.
 */
export const ADMISSION_MS = 200

/**
 * Evaluates an expression of pipeline.yaml over the fields of a request, and reads the value. `name` is the
 * expression's place in pipeline.yaml, such as `routing[0].when`. If the expression fails, or if `read` throws
 * `EvaluationError`, this function throws the `RequestError` that refuses the request.
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
