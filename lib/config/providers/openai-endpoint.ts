import type { Model } from '../model-schema.ts'
import { passesOn } from './apply.ts'

/**
 * Returns the URLs of the operations of a model's OpenAI API. Returns undefined if bodies of that API are not passed on
 * to its endpoint.
 */
export function openAiEndpointOf(name: string, model: Model) {
  if (!passesOn(name, model)) return undefined
  const urlOf = (path: string): string => {
    const url = new URL(model.endpoint.url)
    url.pathname = url.pathname.replace(/\/chat\/completions$/, path)
    return url.href
  }
  const urls = {
    'chat.completions': urlOf('/chat/completions'),
    completions: urlOf('/completions'),
    embeddings: urlOf('/embeddings'),
    responses: urlOf('/responses'),
  }
  return { model: model.model ?? name, urls }
}
