import { IS_SIGNATURE_REFUSED, isError } from './aws.ts'
import { CHAT, CHAT_ESTIMATE } from './fragments.ts'
import { CHAT_RESULT } from './openai.ts'
import type { Profile } from './profile.ts'

export const SAGEMAKER: Profile = {
  title: 'a real-time endpoint of Amazon SageMaker with chat messages',
  serves: "AWS's LMI containers (DJL Serving, vLLM) and Hugging Face's TGI containers",
  path: {
    base: '',
    operation: '/endpoints/{model}/invocations',
    known: ['/endpoints/[^/]+/(?:async-invocations|invocations-response-stream)'],
  },
  endpoint: { auth: { sigv4: 'sagemaker' } },
  request: `$merge([
  $omit(parameters, "system", "model", "messages", "prompt", "stream", "stream_options"),
  {
    "messages": ${CHAT},
    "max_tokens": max_tokens ? max_tokens : parameters.max_tokens ? parameters.max_tokens : 512
  }
])`,
  response: `{
  "result": $exists(choices) ? (${CHAT_RESULT}) :
    $exists(generated_text) ? { "text": generated_text, "finish_reason": details.finish_reason },
  "usage": usage
}`,
  estimate: CHAT_ESTIMATE,
  retry: {
    backoff_on: [424, 429, 503],
    drop_on: [400, 404],
    halt_when: IS_SIGNATURE_REFUSED,
    drop_when: 'status = 424 and (body.OriginalStatusCode in [400, 413, 422])',
    backoff_when: isError('ThrottlingException'),
  },
  notes: [
    '`model` is the name of the endpoint. It is needed only if `url` does not have the name, as in `https://runtime.sagemaker.us-east-1.amazonaws.com`.',
    "Calls are signed with the worker's role, unless `auth` says otherwise.",
    'The form of the body depends on the container. This profile is for containers that accept chat messages. For your own container, write `request` and `response` in the file. They replace the mappings of the profile, and the rest of the profile applies.',
    'SageMaker ends a call of a container after 60 s, so a `timeout` over 70s has no effect.',
    'If an endpoint has inference components or several models, name the component or the model in `headers` (`X-Amzn-SageMaker-Inference-Component`, `X-Amzn-SageMaker-Target-Model`).',
    'The status 424 means that the container failed. The request is retried, unless the container itself answered 400, 413 or 422. SageMaker answers throttled calls with 400. A throttled call is retried.',
    'A serverless endpoint that starts, or a multi-model endpoint that loads a model, answers 429 ModelNotReadyException. Then only probes are made, one at a time, until the model is ready, and no request uses up an attempt.',
  ],
  sources: [
    'https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html',
    'https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html',
  ],
}
