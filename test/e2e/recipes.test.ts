import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadPipeline } from '../../lib/config/load.ts'
import { allRecipes, recipeFile, recipeFiles } from './support/recipes.ts'
import {
  anthropic,
  bedrock,
  ollama,
  openAiChat,
  PICTURE,
  predict,
  sageMaker,
  stableDiffusion,
  tgi,
} from './support/stand-ins/apis.ts'
import { type StandIns, startStandIns } from './support/stand-ins/server.ts'
import { type RunningSystem, startSystem } from './support/system.ts'

const API_KEY = 'key of the chat endpoint'
/** A function URL of AWS. The URL has no ARN to which the stack could grant access. So an output of the stack names the role that needs access. */
const FUNCTION_URL = 'https://abc123.lambda-url.us-east-1.on.aws/'

const folder = mkdtempSync(join(tmpdir(), 'sluice-recipes-'))
let apis: StandIns
let system: RunningSystem

beforeAll(async () => {
  apis = await startStandIns([
    openAiChat(API_KEY),
    anthropic(API_KEY),
    ollama,
    tgi,
    predict,
    stableDiffusion,
    sageMaker,
    bedrock,
  ])
  const config = join(folder, 'recipes.yaml')
  const own = { endpoint: { url: FUNCTION_URL, auth: { sigv4: 'lambda' } }, request: 'prompt', response: '$' }
  writeFileSync(config, allRecipes({ own }))
  system = await startSystem({
    SLUICE_CONFIG: config,
    CHAT_API_KEY: API_KEY,
    CHAT_URL: `${apis.url}/v1`,
    ANTHROPIC_API_KEY: API_KEY,
    ANTHROPIC_URL: apis.url,
    OLLAMA_URL: apis.url,
    TGI_URL: apis.url,
    PREDICT_URL: `${apis.url}/predict`,
    IMAGES_URL: `${apis.url}/sdapi/v1/txt2img`,
    SAGEMAKER_URL: `${apis.url}/endpoints/my-endpoint/invocations`,
    BEDROCK_URL: `${apis.url}/model/us.amazon.nova-lite-v1:0/converse`,
  })
})

afterAll(async () => {
  await system.stop()
  await apis.close()
  rmSync(folder, { recursive: true })
})

const tokens = (prompt: number, completion: number) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
})

const TALK = { max_tokens: 16, temperature: 0.5, top_p: 0.9, stop: ['.'], seed: 7, system: 'Be brief.' }
const PAINT = { width: 1024, height: 768, steps: 30, cfg_scale: 7, seed: 7, negative_prompt: 'blur' }
const messages = [{ role: 'user', content: 'Hello' }]
const instructed = [{ role: 'system', content: TALK.system }, ...messages]
const talk = { max_tokens: 16, temperature: 0.5, top_p: 0.9, stop: ['.'], seed: 7 }
const picture = { images: ['the picture'], info: expect.stringContaining('"seed":7') }

/** The body that a recipe's endpoint must get, and the result and usage that the client must get. */
interface Case {
  readonly file: string
  readonly model: string
  readonly parameters?: object
  readonly sent: object
  readonly result: unknown
  readonly usage: { readonly total_tokens: number; readonly completion_tokens?: number }
}

const cases: readonly Case[] = [
  {
    file: 'openai-chat.yaml',
    model: 'chat',
    parameters: TALK,
    sent: { model: 'Qwen/Qwen2.5-7B-Instruct', messages: instructed, ...talk },
    result: { text: 'chat of Hello', finish_reason: 'length' },
    usage: tokens(9, 16),
  },
  {
    file: 'openai-chat.yaml',
    model: 'chat',
    sent: { model: 'Qwen/Qwen2.5-7B-Instruct', messages },
    result: { text: 'chat of Hello', finish_reason: 'length' },
    usage: tokens(9, 16),
  },
  {
    file: 'anthropic.yaml',
    model: 'claude',
    parameters: { max_tokens: 16, temperature: 0.5, top_p: 0.9, stop: ['.'], system: TALK.system },
    sent: {
      model: 'claude-sonnet-4-5',
      max_tokens: 16,
      system: TALK.system,
      messages,
      stop_sequences: ['.'],
      temperature: 0.5,
      top_p: 0.9,
    },
    result: { text: 'message of Hello', finish_reason: 'max_tokens' },
    usage: tokens(9, 16),
  },
  {
    file: 'anthropic.yaml',
    model: 'claude',
    sent: { model: 'claude-sonnet-4-5', max_tokens: 1024, messages },
    result: { text: 'message of Hello', finish_reason: 'max_tokens' },
    usage: tokens(9, 1024),
  },
  {
    file: 'ollama.yaml',
    model: 'ollama',
    parameters: TALK,
    sent: {
      model: 'llama3.2:1b',
      messages: instructed,
      stream: false,
      options: { num_predict: 16, temperature: 0.5, top_p: 0.9, stop: ['.'], seed: 7 },
    },
    result: { text: 'chat of Hello', finish_reason: 'length' },
    usage: tokens(11, 16),
  },
  {
    file: 'ollama.yaml',
    model: 'ollama',
    sent: { model: 'llama3.2:1b', messages, stream: false, options: {} },
    result: { text: 'chat of Hello', finish_reason: 'length' },
    usage: tokens(11, 16),
  },
  {
    file: 'tgi.yaml',
    model: 'tgi',
    parameters: TALK,
    sent: {
      inputs: 'Hello',
      parameters: {
        max_new_tokens: 16,
        temperature: 0.5,
        top_p: 0.9,
        stop: ['.'],
        seed: 7,
        return_full_text: false,
        details: true,
      },
    },
    result: { text: 'generated of Hello', finish_reason: 'length' },
    usage: { completion_tokens: 16, total_tokens: 16 },
  },
  {
    file: 'tgi.yaml',
    model: 'tgi',
    // TGI refuses a temperature of 0 and a top_p of 1. So the recipe leaves both out, and TGI then does not sample.
    parameters: { temperature: 0, top_p: 1, stop: [] },
    sent: { inputs: 'Hello', parameters: { max_new_tokens: 512, return_full_text: false, details: true } },
    result: { text: 'generated of Hello', finish_reason: 'length' },
    usage: { completion_tokens: 512, total_tokens: 512 },
  },
  {
    file: 'predict.yaml',
    model: 'predict',
    parameters: TALK,
    sent: { model_input: 'Hello', parameters: TALK, request_id: expect.any(String) },
    result: { label: 'predicted of Hello' },
    usage: tokens(5, 6),
  },
  {
    file: 'predict.yaml',
    model: 'predict',
    sent: { model_input: 'Hello', request_id: expect.any(String) },
    result: { label: 'predicted of Hello' },
    usage: tokens(5, 6),
  },
  {
    file: 'images.yaml',
    model: 'images',
    parameters: PAINT,
    sent: { prompt: 'Hello', ...PAINT },
    result: picture,
    usage: { total_tokens: 1000 },
  },
  {
    file: 'images.yaml',
    model: 'images',
    sent: { prompt: 'Hello', width: 512, height: 512, steps: 20 },
    result: picture,
    usage: { total_tokens: 1000 },
  },
  {
    file: 'sagemaker.yaml',
    model: 'sagemaker',
    parameters: TALK,
    sent: { messages: instructed, ...talk },
    result: { text: 'chat of Hello', finish_reason: 'length' },
    usage: tokens(9, 16),
  },
  {
    file: 'sagemaker.yaml',
    model: 'sagemaker',
    sent: { messages, max_tokens: 512 },
    result: { text: 'chat of Hello', finish_reason: 'length' },
    usage: tokens(9, 512),
  },
  {
    file: 'bedrock.yaml',
    model: 'bedrock',
    parameters: { ...TALK, stop: '.' },
    sent: {
      messages: [{ role: 'user', content: [{ text: 'Hello' }] }],
      system: [{ text: TALK.system }],
      inferenceConfig: { maxTokens: 16, temperature: 0.5, topP: 0.9, stopSequences: ['.'] },
    },
    result: { text: 'conversation of Hello', reasoning_content: 'hm', finish_reason: 'max_tokens' },
    usage: tokens(8, 16),
  },
  {
    file: 'bedrock.yaml',
    model: 'bedrock',
    sent: { messages: [{ role: 'user', content: [{ text: 'Hello' }] }], inferenceConfig: { maxTokens: 512 } },
    result: { text: 'conversation of Hello', reasoning_content: 'hm', finish_reason: 'max_tokens' },
    usage: tokens(8, 512),
  },
]

const named = cases.map(one => ({ ...one, with: one.parameters ? 'parameters' : 'a prompt alone' }))

describe('the recipe', () => {
  test.for(named)('$file works with $with', async ({ model, parameters, sent, result, usage }) => {
    const client = await system.newUser()
    const before = apis.calls.length

    const { status, body } = await client.post({ prompt: 'Hello', model, parameters }, { prefer: 'wait=25' })

    expect(apis.refused).toEqual([])
    expect(status).toBe(200)
    expect(body).toMatchObject({ status: 'completed', usage })
    // The results are shortened, because a failed comparison of whole results would print megabytes.
    expect(shorten(body.result)).toEqual(result)
    expect(apis.calls.slice(before).map(call => call.body)).toEqual([sent])
    expect(await client.settledQuota()).toMatchObject({ tokens: { used: usage.total_tokens } })
  })

  test.for(recipeFiles)(
    'the recipe %s is a valid pipeline.yaml without changes, and has two cases in this test',
    file => {
      const [model, ...others] = Object.keys(loadPipeline(recipeFile(file), {}).models)

      expect(cases.filter(one => one.file === file).map(one => one.model)).toEqual([model, model])
      expect(others).toEqual([])
    },
  )
})

/** Replaces the picture of the stand-in by the text `the picture`. */
const shorten = (result: unknown): unknown =>
  JSON.parse(JSON.stringify(result), (_, value) => (value === PICTURE ? 'the picture' : value))

test('the stand-ins for AWS refuse a call without a signature', async () => {
  const aws = await startStandIns([sageMaker, bedrock])
  const ask = (path: string) => fetch(aws.url + path, { method: 'POST', body: '{}' })

  const answers = await Promise.all([sageMaker.path, bedrock.path].map(ask))

  expect(answers.map(({ status }) => status)).toEqual([403, 403])
  await aws.close()
})

test('the local system warns that calls to AWS itself fail, because they are signed with made-up credentials', () => {
  const told = system
    .output()
    .out.split('\n')
    .filter(line => line.includes('made-up credentials'))

  expect(told).toEqual([expect.stringMatching(/^models\.own: abc123\.lambda-url\.us-east-1\.on\.aws /)])
})
