import type { CloudFormationCustomResourceResponse } from 'aws-lambda'

/**
 * The largest answer that CloudFormation takes, in bytes. CloudFormation refuses a longer answer. The deployment would
 * then wait for an answer until its time limit.
 */
const MAX_BYTES = 4_096

/** Tells CloudFormation the result of a custom resource. Throws if CloudFormation does not take the answer. */
export async function answerCloudFormation(url: string, response: CloudFormationCustomResourceResponse): Promise<void> {
  // The URL is signed for a call without a content type. `fetch` adds a content type to a text, but not to bytes.
  const { ok, status } = await fetch(url, { method: 'PUT', body: Buffer.from(shortened(response)) })
  if (!ok) throw new Error(`CloudFormation did not take the answer: ${status}`)
}

/**
 * Returns the answer as JSON, with as much of its reason as fits. The reason may be long, because Postgres may quote a
 * whole statement.
 */
function shortened(response: CloudFormationCustomResourceResponse): string {
  const whole = JSON.stringify(response)
  if (Buffer.byteLength(whole) <= MAX_BYTES) return whole
  const { Reason = '' } = response
  const kept = Reason.slice(0, Math.floor(Reason.length * 0.9)).toWellFormed()
  return shortened({ ...response, Reason: kept })
}
