import type { DocumentedAnswer } from './answer.ts'

const details = (finishReason: string) => ({
  finish_reason: finishReason,
  generated_tokens: 5,
  seed: null,
  prefill: [],
  tokens: [{ id: 1, text: 'Hello', logprob: -0.1, special: false }],
})

/** From https://huggingface.github.io/text-generation-inference/. */
export const TGI_ANSWERS: readonly DocumentedAnswer[] = [
  {
    what: 'a generated text',
    status: 200,
    body: { generated_text: 'Hello!', details: details('eos_token') },
    means: 'result',
    gives: { result: { text: 'Hello!', finish_reason: 'eos_token' }, usage: { completion_tokens: 5 } },
  },
  {
    what: 'a generated text, with the tokens of the prompt if the server counts them',
    status: 200,
    body: {
      generated_text: 'Hello!',
      details: { ...details('length'), prefill: [{ id: 3, text: 'Hi', logprob: null }] },
    },
    means: 'result',
    gives: { result: { text: 'Hello!', finish_reason: 'length' }, usage: { prompt_tokens: 1, completion_tokens: 5 } },
  },
  {
    what: 'a list (hosted endpoints)',
    status: 200,
    body: [{ generated_text: 'Hello!', details: details('length') }],
    means: 'result',
    gives: { result: { text: 'Hello!', finish_reason: 'length' }, usage: { completion_tokens: 5 } },
  },
  {
    what: 'a bad parameter, or too many tokens',
    status: 422,
    body: { error: 'Input validation error: `inputs` must have less than 1024 tokens', error_type: 'validation' },
    means: 'drop',
  },
  {
    what: 'a failed generation, such as no memory left',
    status: 424,
    body: { error: 'Request failed during generation: Server error: CUDA out of memory', error_type: 'generation' },
    means: 'retry',
  },
  {
    what: 'an overloaded model',
    status: 429,
    body: { error: 'Model is overloaded', error_type: 'overloaded' },
    means: 'retry',
  },
  {
    what: 'an incomplete generation',
    status: 500,
    body: { error: 'Incomplete generation', error_type: 'incomplete_generation' },
    means: 'retry',
  },
  {
    what: 'a server that is not healthy',
    status: 503,
    body: { error: 'unhealthy', error_type: 'healthcheck' },
    means: 'retry',
  },
  {
    what: 'a model that is loading (hosted endpoints)',
    status: 503,
    body: { error: 'Model bigscience/bloom is currently loading', estimated_time: 20.0 },
    means: 'retry',
  },
]
