import { IS_SIGNATURE_REFUSED, isError } from './aws.ts'
import { CHAT_ESTIMATE, INSTRUCTIONS, OUTPUT_BOUND, TALK } from './fragments.ts'
import type { Profile } from './profile.ts'

/**
 * The content of a message, text or parts, as blocks of Converse. Parts that are no text are blocks of Converse
 * already.
 */
const BLOCKS = '$type(content) = "string" ? [{ "text": content }] : [content.(type = "text" ? { "text": text } : $)]'

export const BEDROCK: Profile = {
  title: "Amazon Bedrock's Converse",
  serves: 'every chat model of Bedrock, as a foundation model, an inference profile or an imported model',
  path: {
    base: '',
    operation: '/model/{model}/converse',
    known: ['/model/[^/]+/(?:converse|invoke)(?:-(?:with-response-)?stream)?'],
  },
  endpoint: { auth: { sigv4: 'bedrock' } },
  request: `{
  "messages": messages ? [${TALK}.{ "role": role, "content": ${BLOCKS} }] :
    [{ "role": "user", "content": [{ "text": prompt }] }],
  "system": parameters.system ? [{ "text": parameters.system }] :
    ${INSTRUCTIONS} ? [${INSTRUCTIONS}.content.{ "text": $type($) = "string" ? $ : text }],
  "inferenceConfig": {
    "maxTokens": ${OUTPUT_BOUND} ?? 512,
    "temperature": parameters.temperature,
    "topP": parameters.top_p,
    "stopSequences": parameters.stop ? [parameters.stop]
  },
  "additionalModelRequestFields": parameters.additionalModelRequestFields
}`,
  response: `{
  "result": $type(output.message.content) = "array" ? {
    "text": $join([output.message.content.text]),
    "reasoning_content": $join(output.message.content.reasoningContent.reasoningText.text),
    "tool_calls": output.message.content.toolUse ? [output.message.content.toolUse],
    "finish_reason": stopReason
  },
  "usage": {
    "prompt_tokens": usage.inputTokens, "completion_tokens": usage.outputTokens, "total_tokens": usage.totalTokens
  }
}`,
  estimate: CHAT_ESTIMATE,
  retry: {
    backoff_on: [408, 424, 429, 503],
    drop_on: [400, 404],
    halt_when: IS_SIGNATURE_REFUSED,
    backoff_when: isError(
      'ModelErrorException',
      'ModelTimeoutException',
      'ServiceQuotaExceededException',
      'ThrottlingException',
    ),
  },
  notes: [
    '`model` is the id of a model or of an inference profile (`us.…`, `eu.…`), or an ARN. It is needed only where `url` ends before it, as in `https://bedrock-runtime.us-east-1.amazonaws.com`.',
    "Calls are signed with the worker's role, unless `auth` says otherwise: `auth: { secret: NAME }` sends a Bedrock API key.",
    "A body's `messages` may be as OpenAI has them, with text or parts of text. Parts of other kinds must be blocks as Converse has them. The roles system and developer become `system`.",
    'Converse is the same for all chat models. So only `max_tokens`, `temperature`, `top_p`, `stop` and `system` of `parameters` are sent, and `additionalModelRequestFields` for what one model has besides. `maxTokens` is 512 where the request does not bound its output.',
    'The result is `{ "text", "finish_reason" }`, and where the model gave them `reasoning_content` and `tool_calls`.',
    'An imported model that was not used for a while answers 429 ModelNotReadyException until it has loaded: one call at a time tries it meanwhile, and no request spends an attempt.',
  ],
  sources: [
    'https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html',
    'https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html',
  ],
}
