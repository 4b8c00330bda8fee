import type { Operation } from '../core/domain/operation.ts'
import type { Reply } from '../core/inference/port.ts'
import { readUsage } from '../core/inference/usage.ts'
import {
  BATCH_SIZE,
  GEN_AI_OPERATION_NAME,
  GEN_AI_PROVIDER_NAME,
  GEN_AI_REQUEST_MODEL,
  GEN_AI_USAGE_INPUT_TOKENS,
  GEN_AI_USAGE_OUTPUT_TOKENS,
  HTTP_REQUEST_METHOD,
  HTTP_RESPONSE_STATUS_CODE,
  MODEL,
  SERVER_ADDRESS,
  SERVER_PORT,
} from '../core/platform/tracing/attributes.ts'
import { inSpan } from '../core/platform/tracing/in-span.ts'
import type { Attributes, Span, Tracer } from '../core/platform/tracing/port.ts'
import type { DeliverySpans } from '../core/queue/trace-delivery.ts'
import type { WorkerPorts } from './ports.ts'
import type { Settings } from './settings.ts'
import type { Planned } from './types.ts'

/**
 * The names of providers in the semantic conventions of OpenTelemetry. A provider that is not in this map keeps its
 * name.
 */
const PROVIDER_NAMES: Readonly<Record<string, string>> = { bedrock: 'aws.bedrock', sagemaker: 'aws.sagemaker' }

/** The values of the semantic conventions for the operations of the OpenAI API. A response is a chat, too. */
const OPERATION_NAMES: Readonly<Record<Operation, string>> = {
  'chat.completions': 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
  responses: 'chat',
}

/** The providers whose calls are text completions and not chats, if their requests have no operation. */
const COMPLETES_TEXT: ReadonlySet<string | undefined> = new Set(['tgi', 'sagemaker', undefined])

/**
 * Makes the port that starts the spans of a model's calls. A span has the operation that all requests of the call have
 * in common. If there is none, the span has the usual operation of the provider. Spans don't have the URL's path and
 * query, because these may contain secrets.
 */
export function callSpans(
  tracing: Tracer,
  { model, provider, endpoint_model, endpoint }: Pick<Settings, 'model' | 'provider' | 'endpoint_model' | 'endpoint'>,
): WorkerPorts['startCallSpan'] {
  const { hostname, port, protocol } = new URL(endpoint.url)
  const usual = COMPLETES_TEXT.has(provider) ? 'text_completion' : 'chat'
  const requestModel = endpoint_model ?? model
  const attributes: Attributes = {
    [GEN_AI_PROVIDER_NAME]: provider === undefined ? 'custom' : (PROVIDER_NAMES[provider] ?? provider),
    [GEN_AI_REQUEST_MODEL]: requestModel,
    [MODEL]: model,
    [HTTP_REQUEST_METHOD]: 'POST',
    [SERVER_ADDRESS]: hostname,
    [SERVER_PORT]: Number(port) || (protocol === 'https:' ? 443 : 80),
  }
  return (operations, links) => {
    const names = new Set(operations.map(operation => (operation ? OPERATION_NAMES[operation] : usual)))
    const [common = usual] = names.size === 1 ? names : []
    return tracing.start(`${common} ${requestModel}`, {
      kind: 'client',
      attributes: { ...attributes, [GEN_AI_OPERATION_NAME]: common },
      ...(links && { links }),
    })
  }
}

/**
 * Starts the span of a call for several requests. The span begins its own trace, because it belongs to the traces of
 * several requests. The call's span has links to the spans of the requests, and these have links to the call's span.
 */
export function startBatchSpan(
  start: WorkerPorts['startCallSpan'],
  requests: readonly Planned[],
  spans: DeliverySpans,
): Span {
  const processing = requests.map(({ delivery }) => spans.of(delivery))
  const span = start(
    requests.map(({ message }) => message.operation),
    processing.flatMap(({ traceparent }) => traceparent ?? []),
  )
  span.set({ [BATCH_SIZE]: requests.length })
  if (span.traceparent !== undefined) for (const one of processing) one.link(span.traceparent)
  return span
}

/** Makes a call in its span, and writes the result of the call into the span. */
export function tracedReply(span: Span, call: () => Promise<Reply>): Promise<Reply> {
  return inSpan({ start: () => span }, '', {}, async () => {
    const reply = await call()
    if (reply.kind === 'broken') {
      span.fail(reply.code)
      return reply
    }
    span.set({ [HTTP_RESPONSE_STATUS_CODE]: reply.status, ...usageIn(reply.body) })
    if (reply.status >= 400) span.fail(String(reply.status))
    return reply
  })
}

/**
 * Returns the tokens if the model reports them under the usual name. The response mapping finds the tokens under other
 * names, too, but it runs after the span has ended.
 */
function usageIn(body: Extract<Reply, { kind: 'answered' }>['body']): Attributes {
  if (body.kind !== 'json' || typeof body.value !== 'object' || body.value === null) return {}
  const { usage } = readUsage('usage' in body.value ? body.value.usage : undefined)
  return {
    [GEN_AI_USAGE_INPUT_TOKENS]: usage?.prompt_tokens,
    [GEN_AI_USAGE_OUTPUT_TOKENS]: usage?.completion_tokens,
  }
}
