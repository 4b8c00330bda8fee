import type { RequestView } from '../lifecycle/view-request.ts'
import { isObject, type Json, objectsOf } from '../openai-format/json.ts'
import { chatUsage } from './usage.ts'

type Encoding = 'float' | 'base64'

/**
 * Builds the list of embeddings of a completed request. Returns undefined if the number of embeddings is not the number
 * of the request's texts, because an embedding could then belong to another text. `encoding` is the encoding that the
 * client wants. If an OpenAI-like endpoint has already encoded the embeddings, they stay as they are.
 */
export function embeddingList(view: RequestView, texts: number, encoding: Encoding): Json | undefined {
  const { result, model, usage } = view
  const raw = isObject(result) ? result : {}
  const data = embeddingsIn(result)
  if (data.length !== texts) return undefined
  return {
    object: 'list',
    data: data.map((embedding, index) => ({
      object: 'embedding',
      index,
      embedding: encoding === 'base64' ? encoded(embedding) : embedding,
    })),
    model,
    usage: chatUsage(usage, raw.usage) ?? { prompt_tokens: 0, total_tokens: 0 },
  }
}

/**
 * Returns the vectors of a result: OpenAI's `data`, `embeddings`, one `embedding`, a list of vectors, or one vector.
 */
export function embeddingsIn(result: unknown): unknown[] {
  if (isVector(result)) return [result]
  if (Array.isArray(result)) return result.every(isVector) ? result : objectsOf(result).map(vectorOf)
  if (!isObject(result)) return []
  const { data, embeddings, embedding } = result
  if (Array.isArray(data)) return inOrder(objectsOf(data)).map(vectorOf)
  if (isVector(embeddings)) return [embeddings]
  if (Array.isArray(embeddings)) return embeddings
  return embedding === undefined ? [] : [embedding]
}

/**
 * Returns whether a result is certainly the result of embeddings: OpenAI's `data` with embeddings, or an object with
 * nothing but `embedding` or `embeddings`.
 */
export function isOfEmbeddings(result: unknown): boolean {
  if (!isObject(result)) return false
  if (Array.isArray(result.data)) return result.data.length > 0 && result.data.every(hasEmbedding)
  const [[name, value] = [], ...others] = Object.entries(result)
  if (others.length > 0) return false
  return (name === 'embedding' && isVector(value)) || (name === 'embeddings' && embeddingsIn(result).some(isVector))
}

const hasEmbedding = (part: unknown): boolean => isObject(part) && part.embedding !== undefined

const vectorOf = ({ embedding }: Json): unknown => embedding

const inOrder = (data: readonly Json[]): Json[] => data.toSorted((a, b) => Number(a.index ?? 0) - Number(b.index ?? 0))

const isVector = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(number => typeof number === 'number')

/**
 * Encodes a vector in OpenAI's base64: floats of 32 bits, in the byte order of the machine (little-endian on all usual
 * machines).
 */
function encoded(embedding: unknown): unknown {
  if (!Array.isArray(embedding)) return embedding
  return Buffer.from(new Float32Array(embedding.map(Number)).buffer).toString('base64')
}
