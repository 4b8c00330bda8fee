import type { CloudFormationCustomResourceResponse } from 'aws-lambda'

/** CloudFormation refuses a longer answer, and then waits for the end of the time limit. */
const MAX_BYTES = 4_096

/** Tells CloudFormation what came of a custom resource. Throws if the answer is not taken. */
export async function answerCloudFormation(url: string, response: CloudFormationCustomResourceResponse): Promise<void> {
  // A body of bytes is sent without a content type. The URL is signed for an answer without one.
  const { ok, status } = await fetch(url, { method: 'PUT', body: Buffer.from(shortened(response)) })
  if (!ok) throw new Error(`CloudFormation did not take the answer: ${status}`)
}

/** Returns the answer as JSON, with as much of its reason as fits. Postgres may quote a whole statement in it. */
function shortened(response: CloudFormationCustomResourceResponse): string {
  const whole = JSON.stringify(response)
  if (Buffer.byteLength(whole) <= MAX_BYTES) return whole
  const { Reason = '' } = response
  const kept = Reason.slice(0, Math.floor(Reason.length * 0.9)).toWellFormed()
  return shortened({ ...response, Reason: kept })
}
