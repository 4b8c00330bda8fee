import { httpHandler } from '../core/http/http-handler.ts'
import { renderError } from '../core/inference-api/errors.ts'
import { withOpenAiErrors } from '../core/openai-api/errors.ts'
import { readSettings } from '../core/platform/settings.ts'
import { answerPost } from './answer-post.ts'
import { compose } from './compose.ts'
import { Env } from './env.ts'
import { Settings } from './settings.ts'

export const handler = httpHandler(
  compose(Env.parse(process.env), readSettings(Settings)),
  withOpenAiErrors(renderError),
  answerPost,
)
