import { RequestError } from '../../functions/core/domain/errors.ts'
import { renderError } from '../../functions/core/inference-api/errors.ts'

/** The answer of the inference API to an error, with its body parsed. Throws an error that is no refusal. */
export function answerTo(error: unknown) {
  if (!(error instanceof RequestError)) throw error
  const { statusCode, headers, body = '' } = renderError(error)
  return { statusCode, headers, body: JSON.parse(body) }
}

/** The answer to a call that is refused. */
export async function refusalOf(call: Promise<unknown>) {
  const refused = await call.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  if (!refused) throw new Error('the call is not refused')
  return answerTo(refused.error)
}
