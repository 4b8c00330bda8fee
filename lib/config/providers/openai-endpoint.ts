import type { Model } from '../model-schema.ts'
import { passesOn } from './apply.ts'

const PATHS = {
  'chat.completions': '/chat/completions',
  completions: '/completions',
  embeddings: '/embeddings',
  responses: '/responses',
} as const

/** Where the operations of a model's OpenAI API are. Undefined if bodies of that API are not passed on to its endpoint. */
export function openAiEndpointOf(name: string, model: Model) {
  if (!passesOn(name, model)) return undefined
  const urlOf = (path: string): string => {
    const url = new URL(model.endpoint.url)
    url.pathname = url.pathname.replace(/\/chat\/completions$/, path)
    return url.href
  }
  const urls = {
    'chat.completions': urlOf(PATHS['chat.completions']),
    completions: urlOf(PATHS.completions),
    embeddings: urlOf(PATHS.embeddings),
    responses: urlOf(PATHS.responses),
  }
  return { model: model.model ?? name, urls }
}
