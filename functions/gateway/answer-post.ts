import { dispatch, type UseCase } from '../core/http/http-handler.ts'
import type { RouteKey } from '../core/http/routes.ts'
import type { OpenAiPorts } from './ports.ts'
import { postInference } from './post-inference.ts'
import { postOpenAi } from './post-openai.ts'

/** Answers a call of any route of the gateway. Throws `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached. */
export const answerPost = dispatch<OpenAiPorts>({
  'POST /v1/inference': postInference,
  'POST /generate': postInference,
  'POST /api/v1/inference': postInference,
  'POST /v1/chat/completions': postOpenAi('chat.completions'),
  'POST /v1/completions': postOpenAi('completions'),
  'POST /v1/embeddings': postOpenAi('embeddings'),
  'POST /v1/responses': postOpenAi('responses'),
} satisfies Record<RouteKey<'gateway'>, UseCase<OpenAiPorts>>)
