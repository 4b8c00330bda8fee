import { RequestError } from '../../functions/core/domain/errors.ts'
import { renderError } from '../../functions/core/inference-api/errors.ts'

/** The answer of the inference API to an error that is a refusal, with the body parsed. Throws any other error. */
export function answerTo(error: unknown) {
  if (!(error instanceof RequestError)) throw error
  const { statusCode, headers, body = '' } = renderError(error)
  return { statusCode, headers, body: JSON.parse(body) }
}

/** The answer of the inference API to a call that is refused. */
export async function refusalOf(call: Promise<unknown>) {
  const refused = await call.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  if (!refused) throw new Error('the call is not refused')
  return answerTo(refused.error)
}
