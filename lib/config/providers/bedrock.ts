import { IS_SIGNATURE_REFUSED, isError } from './aws.ts'
import { CHAT_ESTIMATE, INSTRUCTIONS, OUTPUT_BOUND, TALK } from './fragments.ts'
import type { Profile } from './profile.ts'

/**
 * The JSONata of a message's content as blocks of Converse. The content is a text or a list of parts. A part that is not
 * a text is a block of Converse already.
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
    '`model` is the id of a model or of an inference profile (`us.…`, `eu.…`), or an ARN. It is needed only if `url` does not have the id, as in `https://bedrock-runtime.us-east-1.amazonaws.com`.',
    "Calls are signed with the worker's role, unless `auth` says otherwise: `auth: { secret: NAME }` sends a Bedrock API key.",
    'The `messages` of a body may have the form of OpenAI, with a text or with parts of text. Parts of other kinds must be blocks in the form of Converse. Messages with the roles system and developer become `system`.',
    'Converse is the same for all chat models. So Sluice sends only these `parameters`: `max_tokens`, `temperature`, `top_p`, `stop`, `system`, and `additionalModelRequestFields` for the special parameters of one model. If the request does not limit its output, `maxTokens` is 512.',
    'The result is `{ "text", "finish_reason" }`. The result also has `reasoning_content` and `tool_calls` if the model gave them.',
    'An imported model that was not used for a while answers 429 ModelNotReadyException until the model has loaded. Until then, only probes are made, one at a time, and no request uses up an attempt.',
  ],
  sources: [
    'https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html',
    'https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html',
  ],
}
