import { ANTHROPIC } from './anthropic.ts'
import { BEDROCK } from './bedrock.ts'
import { OLLAMA } from './ollama.ts'
import { OPENAI } from './openai.ts'
import type { Profile } from './profile.ts'
import { SAGEMAKER } from './sagemaker.ts'
import { TGI } from './tgi.ts'

export const PROVIDERS = ['openai', 'anthropic', 'ollama', 'tgi', 'bedrock', 'sagemaker'] as const
export type Provider = (typeof PROVIDERS)[number]

/** The profiles of pipeline.yaml's `provider`. */
export const PROFILES: Readonly<Record<Provider, Profile>> = {
  openai: OPENAI,
  anthropic: ANTHROPIC,
  ollama: OLLAMA,
  tgi: TGI,
  bedrock: BEDROCK,
  sagemaker: SAGEMAKER,
}

export const isProvider = (name: unknown): name is Provider => PROVIDERS.some(provider => provider === name)
