import type { Provider } from '../index.ts'
import type { DocumentedAnswer } from './answer.ts'
import { anthropicAnswers } from './anthropic.ts'
import { bedrockAnswers } from './bedrock.ts'
import { ollamaAnswers } from './ollama.ts'
import { openaiAnswers } from './openai.ts'
import { sagemakerAnswers } from './sagemaker.ts'
import { tgiAnswers } from './tgi.ts'

/** What each provider answers. docs/providers.md shows it, and a test sends each answer through a socket. */
export const documentedAnswers: Readonly<Record<Provider, readonly DocumentedAnswer[]>> = {
  openai: openaiAnswers,
  anthropic: anthropicAnswers,
  ollama: ollamaAnswers,
  tgi: tgiAnswers,
  bedrock: bedrockAnswers,
  sagemaker: sagemakerAnswers,
}
