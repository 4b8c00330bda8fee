import type { Provider } from '../index.ts'
import type { DocumentedAnswer } from './answer.ts'
import { ANTHROPIC_ANSWERS } from './anthropic.ts'
import { BEDROCK_ANSWERS } from './bedrock.ts'
import { OLLAMA_ANSWERS } from './ollama.ts'
import { OPENAI_ANSWERS } from './openai.ts'
import { SAGEMAKER_ANSWERS } from './sagemaker.ts'
import { TGI_ANSWERS } from './tgi.ts'

/**
 * The documented answers of each provider. docs/providers.md shows these answers. A test serves each answer from a
 * local server, and checks its effect on the request.
 */
export const DOCUMENTED_ANSWERS: Readonly<Record<Provider, readonly DocumentedAnswer[]>> = {
  openai: OPENAI_ANSWERS,
  anthropic: ANTHROPIC_ANSWERS,
  ollama: OLLAMA_ANSWERS,
  tgi: TGI_ANSWERS,
  bedrock: BEDROCK_ANSWERS,
  sagemaker: SAGEMAKER_ANSWERS,
}
