import { anthropic } from './anthropic.ts'
import { bedrock } from './bedrock.ts'
import { ollama } from './ollama.ts'
import { openai } from './openai.ts'
import type { Profile } from './profile.ts'
import { sagemaker } from './sagemaker.ts'
import { tgi } from './tgi.ts'

export const PROVIDERS = ['openai', 'anthropic', 'ollama', 'tgi', 'bedrock', 'sagemaker'] as const
export type Provider = (typeof PROVIDERS)[number]

/** The profiles of pipeline.yaml's `provider`. */
export const profiles: Readonly<Record<Provider, Profile>> = { openai, anthropic, ollama, tgi, bedrock, sagemaker }

export const isProvider = (name: unknown): name is Provider => PROVIDERS.some(provider => provider === name)
