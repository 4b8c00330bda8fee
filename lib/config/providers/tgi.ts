import { OUTPUT_BOUND } from './fragments.ts'
import type { Profile } from './profile.ts'

export const TGI: Profile = {
  title: "Hugging Face TGI's `/generate`",
  serves: 'Text Generation Inference, and Hugging Face endpoints that run it',
  path: {
    base: '',
    operation: '/generate',
    known: ['/generate_stream', '/v1/chat/completions', '/v1/completions', '/v1'],
  },
  request: `{
  "inputs": prompt,
  "parameters": $merge([
    $omit(parameters, "system", "model", "stream", "n", "max_tokens", "max_completion_tokens", "max_output_tokens", "temperature", "top_p", "stop"),
    {
      "max_new_tokens": ${OUTPUT_BOUND} ?? 512,
      "temperature": parameters.temperature > 0 ? parameters.temperature,
      "top_p": parameters.top_p < 1 ? parameters.top_p,
      "stop": parameters.stop ? [parameters.stop],
      "return_full_text": false,
      "details": true
    }
  ])
}`,
  response: `{
  "result": $exists(generated_text) ? { "text": generated_text, "finish_reason": details.finish_reason },
  "usage": details.generated_tokens ? {
    "prompt_tokens": details.prefill ? $count(details.prefill),
    "completion_tokens": details.generated_tokens
  }
}`,
  retry: {
    backoff_on: [424, 429, 503],
    drop_on: [400, 404, 413, 422],
    drop_when: 'body.error_type = "validation" or body.error_type = "tokenizer"',
  },
  notes: [
    '`/generate` gets the text unchanged, without a chat template. Use it for base models, and for prompts that contain their own template. For chat, use `provider: openai` with the same server. Then TGI uses the template of the model, and counts the tokens of the prompt.',
    'TGI counts only the tokens that it generates, unless it was started with `--enable-prefill-logprobs`. So only these tokens are charged.',
    'TGI refuses a `temperature` of 0 and a `top_p` of 1. Sluice leaves these values out, which has the same effect. If the request does not limit its output, `max_new_tokens` is 512. `system` is not sent, since `/generate` has no field for it.',
    'A hosted endpoint answers 503 with `estimated_time` while it loads a model. Then only probes are made, one at a time, until the model has loaded, and no request uses up an attempt. Your own server refuses connections while it loads a model. So set `circuit`, or the requests use up their attempts in this time.',
  ],
  sources: [
    'https://huggingface.github.io/text-generation-inference/',
    'https://huggingface.co/docs/text-generation-inference/reference/api_reference',
  ],
}
