import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { ApiClient } from './api-client.ts'
import { answerJson, type TestModel, usualUsage } from './model.ts'

/** The id of the client's own span. The client sends it in `traceparent`. */
export const CLIENT_SPAN = 'b7ad6b7169203331'

const LIMITED_SEND = 'send traced-inference-limited-normal'
export const LIMITED_PROCESS = 'process traced-inference-limited-normal'
export const LIMITED_CALL = 'text_completion limited'
export const BATCHED_PROCESS = 'process traced-inference-batched-normal'
export const BATCHED_CALL = 'text_completion batched'
const RESULTS_SEND = 'send traced-results'
const RESULTS_PROCESS = 'process traced-results'

/** All spans of the request of `endRetried`, each with its parent. */
export const LIMITED_HOPS: readonly string[] = [
  'POST /v1/inference < client',
  'admission < POST /v1/inference',
  `${LIMITED_SEND} < POST /v1/inference`,
  `queue wait < ${LIMITED_SEND}`,
  `${LIMITED_PROCESS} < ${LIMITED_SEND}`,
  `${LIMITED_CALL} < ${LIMITED_PROCESS}`,
  // The worker sends the message again for each deferral and for the retry.
  `${LIMITED_SEND} < ${LIMITED_PROCESS}`,
  `${RESULTS_SEND} < ${LIMITED_PROCESS}`,
  `queue wait < ${RESULTS_SEND}`,
  `${RESULTS_PROCESS} < ${RESULTS_SEND}`,
  `result < ${RESULTS_PROCESS}`,
  `ledger < ${RESULTS_PROCESS}`,
  `settle < ${RESULTS_PROCESS}`,
]

export const newTraceId = (): string => randomBytes(16).toString('hex')

const fromClient = (traceId: string) => ({ traceparent: `00-${traceId}-${CLIENT_SPAN}-01` })

/**
 * Posts a request to a system with traced.yaml, and waits until the request has ended. The request is rate limited once, fails once, and then succeeds.
 * `traceparent` is the header of the answer.
 */
export async function endRetried(
  client: ApiClient,
  model: TestModel,
  traceId: string,
): Promise<{ readonly requestId: string; readonly traceparent: string | undefined }> {
  // The first request uses the only call that the rate limit allows in its interval. So the next request must wait, and its message is deferred.
  await client.ended(await client.submit({ prompt: 'first' }))
  let calls = 0
  model.on('canary-prompt', response => {
    calls += 1
    const answer = answerJson({ result: 'canary-result', usage: usualUsage })
    return calls === 1 ? answerJson({ error: 'canary-words' }, 500)(response) : answer(response)
  })
  const { headers, body } = await client.post({ prompt: 'canary-prompt' }, fromClient(traceId))
  const requestId = String(body.request_id)
  await client.ended(requestId)
  return { requestId, traceparent: headers.traceparent }
}

/** Posts one request per trace to a system with traced.yaml, and waits until the requests have ended. The worker calls the model with batches of them. */
export async function endBatch(client: ApiClient, model: TestModel, traceIds: readonly string[]): Promise<void> {
  for (const i of traceIds.keys())
    model.on(`batch ${i}`, (response, { body: { inputs } }) =>
      answerJson({
        outputs: z
          .array(z.unknown())
          .parse(inputs)
          .map(input => ({ result: input, usage: usualUsage })),
      })(response),
    )
  const ids = await Promise.all(
    traceIds.map(async (traceId, i) => {
      const { body } = await client.post({ prompt: `batch ${i}`, model: 'batched' }, fromClient(traceId))
      return String(body.request_id)
    }),
  )
  await Promise.all(ids.map(id => client.ended(id)))
}

interface NamedSpan {
  readonly spanId: string
  readonly parentSpanId?: string | undefined
  readonly name: string
}

export const named = <S extends NamedSpan>(spans: readonly S[], name: string): S[] =>
  spans.filter(span => span.name === name)

/**
 * The name of each span, and the name of its parent. `client` is the caller's own span. The text `none` stands for no parent. The text `orphan` stands
 * for a parent that the trace does not contain.
 */
export function parentsOf(spans: readonly NamedSpan[]): [child: string, parent: string][] {
  const names = new Map([[CLIENT_SPAN, 'client'], ...spans.map(({ spanId, name }): [string, string] => [spanId, name])])
  const nameOf = (spanId: string | undefined) => (spanId === undefined ? 'none' : (names.get(spanId) ?? 'orphan'))
  return spans.map(({ name, parentSpanId }) => [name, nameOf(parentSpanId)])
}
