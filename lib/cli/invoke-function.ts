import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import * as z from 'zod'
import { describeError } from '../../functions/core/platform/unavailable.ts'
import { Refusal } from './refusal.ts'

const FunctionError = z.object({ errorMessage: z.string() })

/** Invokes a Lambda function, and resolves with its answer. Throws `Refusal` if the function can't be invoked, or fails. */
export async function invokeFunction(
  client: LambdaClient,
  name: string | undefined,
  event: unknown,
  what = 'worker',
): Promise<unknown> {
  if (name === undefined)
    throw new Refusal('the system does not name its workers: deploy or start it again with this version of Sluice')
  const answer = await client
    .send(new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(event)) }))
    .catch((error: unknown) => {
      throw new Refusal(`the ${what} can't be invoked: ${describeError(error)}`, { cause: error })
    })
  const payload: unknown = JSON.parse(answer.Payload?.transformToString() || 'null')
  if (answer.FunctionError === undefined) return payload
  const { errorMessage } = FunctionError.safeParse(payload).data ?? { errorMessage: 'it gives no reason' }
  throw new Refusal(`the ${what} failed: ${errorMessage}`)
}
