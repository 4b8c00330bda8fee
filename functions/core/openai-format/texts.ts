import type { Operation } from '../domain/operation.ts'
import { isObject, type Json, objectsOf, textOf } from './json.ts'

/**
 * Returns the texts of a body of the OpenAI API, in their order. The texts are used to estimate the tokens of the body,
 * and as the `prompt` of a model that takes one text. Parts that are no texts, such as images, are left out.
 */
export function textsOf(operation: Operation, body: Json): string {
  switch (operation) {
    case 'chat.completions':
      return joined(objectsOf(body.messages).flatMap(({ content }) => contentTexts(content)))
    case 'responses':
      return joined([textOf(body.instructions) ?? '', ...inputTexts(body.input)])
    case 'completions':
      return joined(inputTexts(body.prompt))
    case 'embeddings':
      return joined(inputTexts(body.input))
  }
}

const joined = (texts: readonly string[]): string => texts.filter(text => text !== '').join('\n\n')

/**
 * Returns the texts of an input. An input may be a list of tokens, which are numbers. Written as text, each number
 * counts as at least one token.
 */
function inputTexts(input: unknown): string[] {
  if (typeof input === 'string') return [input]
  if (!Array.isArray(input)) return []
  if (input.every(part => typeof part === 'number')) return [input.join(' ')]
  return input.flatMap(part => (isObject(part) ? itemTexts(part) : inputTexts(part)))
}

/** Returns the texts of an item of a response's input: of a message, or of a tool's output. */
const itemTexts = ({ content, output, arguments: args }: Json): string[] => [
  ...contentTexts(content),
  ...contentTexts(output),
  ...contentTexts(args),
]

const contentTexts = (content: unknown): string[] =>
  typeof content === 'string' ? [content] : objectsOf(content).flatMap(({ text }) => textOf(text) ?? [])
