import * as z from 'zod'
import type { StandIn } from './server.ts'
import { signedFor } from './signature.ts'

// Requests and answers follow the reference of each API. The schemas leave out fields that no recipe sends, so a stand-in refuses these
// fields. Each answer contains the prompt, so that a test can check which request got the answer.

const Temperature = z.number().min(0).max(2)
const TopP = z.number().gt(0).max(1)
const Tokens = z.int().min(1)
const Message = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })
const Chat = z.strictObject({
  messages: z.array(Message).min(1),
  max_tokens: Tokens.optional(),
  temperature: Temperature.optional(),
  top_p: TopP.optional(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).optional(),
  seed: z.int().optional(),
})

const chatCompletion = ({ messages, max_tokens = 16 }: z.infer<typeof Chat>) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_780_000_000,
  model: 'm',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: `chat of ${messages.at(-1)?.content}`, tool_calls: [] },
      logprobs: null,
      finish_reason: 'length',
    },
  ],
  usage: { prompt_tokens: 9, completion_tokens: max_tokens, total_tokens: 9 + max_tokens, prompt_tokens_details: null },
})

/** A vLLM server that was started with `--api-key`. */
export const openAiChat = (key: string): StandIn => ({
  path: '/v1/chat/completions',
  refuses: ({ headers }) => (headers.authorization === `Bearer ${key}` ? undefined : 'Unauthorized'),
  body: z.strictObject({ model: z.literal('Qwen/Qwen2.5-7B-Instruct'), ...Chat.shape }),
  invalid: 400,
  answer: chatCompletion,
})

const Anthropic = z.strictObject({
  model: z.literal('claude-sonnet-4-5'),
  max_tokens: Tokens,
  system: z.string().optional(),
  messages: z.array(Message.extend({ role: z.enum(['user', 'assistant']) })).min(1),
  stop_sequences: z.array(z.string()).optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: TopP.optional(),
})

/** Anthropic's API needs its key in the header `x-api-key`, and the version of the API in another header. */
export const anthropic = (key: string): StandIn => ({
  path: '/v1/messages',
  refuses: ({ headers }) =>
    headers['x-api-key'] === key && headers['anthropic-version'] === '2023-06-01' ? undefined : 'invalid x-api-key',
  body: Anthropic,
  invalid: 400,
  answer: ({ messages, max_tokens }: z.infer<typeof Anthropic>) => ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    content: [{ type: 'text', text: `message of ${messages[0]?.content}` }],
    stop_reason: 'max_tokens',
    stop_sequence: null,
    usage: {
      input_tokens: 7,
      cache_creation_input_tokens: null,
      cache_read_input_tokens: 2,
      output_tokens: max_tokens,
    },
  }),
})

const OllamaChat = z.strictObject({
  model: z.literal('llama3.2:1b'),
  messages: z.array(Message).min(1),
  stream: z.literal(false),
  options: z.strictObject({
    num_predict: z.int().optional(),
    temperature: Temperature.optional(),
    top_p: TopP.optional(),
    stop: z.array(z.string()).optional(),
    seed: z.int().optional(),
  }),
})

export const ollama: StandIn = {
  path: '/api/chat',
  body: OllamaChat,
  invalid: 400,
  answer: ({ model, messages, options }: z.infer<typeof OllamaChat>) => ({
    model,
    created_at: '2026-11-23T10:00:00.000Z',
    message: { role: 'assistant', content: `chat of ${messages.at(-1)?.content}` },
    done: true,
    done_reason: 'length',
    prompt_eval_count: 11,
    eval_count: options.num_predict ?? 16,
  }),
}

const Generate = z.strictObject({
  inputs: z.string().min(1),
  parameters: z.strictObject({
    max_new_tokens: Tokens,
    temperature: z.number().gt(0).optional(),
    top_p: z.number().gt(0).lt(1).optional(),
    stop: z.array(z.string()).max(4).optional(),
    seed: z.int().min(0).optional(),
    return_full_text: z.boolean().optional(),
    details: z.boolean().optional(),
  }),
})

/** TGI counts tokens only with `details`, and tokens of the prompt only with `decoder_input_details`. */
export const tgi: StandIn = {
  path: '/generate',
  body: Generate,
  invalid: 422,
  answer: ({ inputs, parameters }: z.infer<typeof Generate>) => ({
    generated_text: `generated of ${inputs}`,
    details: parameters.details
      ? {
          finish_reason: 'length',
          generated_tokens: parameters.max_new_tokens,
          seed: null,
          prefill: [],
          tokens: [{ id: 1, text: 'g', logprob: -0.1, special: false }],
        }
      : null,
  }),
}

const Predict = z.looseObject({
  model_input: z.string(),
  request_id: z.uuid(),
  parameters: z.looseObject({}).optional(),
})

export const predict: StandIn = {
  path: '/predict',
  body: Predict,
  invalid: 422,
  answer: ({ model_input }: z.infer<typeof Predict>) => ({
    result: { label: `predicted of ${model_input}` },
    usage: { prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 },
  }),
}

const TextToImage = z.strictObject({
  prompt: z.string(),
  negative_prompt: z.string().optional(),
  width: z.int().multipleOf(8),
  height: z.int().multipleOf(8),
  steps: z.int().min(1).max(150),
  cfg_scale: z.number().optional(),
  seed: z.int().optional(),
})

/** A text with the size of a picture of 1024 × 1024 pixels: 2.5 MB of PNG in base64. */
export const PICTURE = Buffer.alloc(2_500_000, 'PNG ').toString('base64')

export const stableDiffusion: StandIn = {
  path: '/sdapi/v1/txt2img',
  body: TextToImage,
  invalid: 422,
  answer: (body: z.infer<typeof TextToImage>) => ({
    images: [PICTURE],
    parameters: body,
    info: JSON.stringify({ prompt: body.prompt, seed: 7, all_seeds: [7] }),
  }),
}

export const sageMaker: StandIn = {
  path: '/endpoints/my-endpoint/invocations',
  refuses: signedFor('sagemaker'),
  body: Chat,
  invalid: 424,
  answer: chatCompletion,
}

const Text = z.strictObject({ text: z.string().min(1) })
const Converse = z.strictObject({
  messages: z.array(z.strictObject({ role: z.enum(['user', 'assistant']), content: z.array(Text).min(1) })).min(1),
  system: z.array(Text).min(1).optional(),
  inferenceConfig: z.strictObject({
    maxTokens: Tokens,
    temperature: z.number().min(0).max(1).optional(),
    topP: z.number().min(0).max(1).optional(),
    stopSequences: z.array(z.string().min(1)).optional(),
  }),
})

/** The path has the id of the model as the AWS SDK escapes it. The signature covers this path, so another escaping would be refused. */
export const bedrock: StandIn = {
  path: '/model/us.amazon.nova-lite-v1%3A0/converse',
  refuses: signedFor('bedrock'),
  body: Converse,
  invalid: 400,
  answer: ({ messages, inferenceConfig: { maxTokens } }: z.infer<typeof Converse>) => ({
    metrics: { latencyMs: 551 },
    output: {
      message: {
        role: 'assistant',
        content: [
          { reasoningContent: { reasoningText: { text: 'hm', signature: 's' } } },
          { text: 'conversation' },
          { text: ` of ${messages[0]?.content[0]?.text}` },
        ],
      },
    },
    stopReason: 'max_tokens',
    usage: { inputTokens: 8, outputTokens: maxTokens, totalTokens: 8 + maxTokens },
  }),
}
