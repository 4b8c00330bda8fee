import type { Pipeline } from '../schema.ts'
import { passesOn } from './apply.ts'

interface Abilities {
  readonly passes: boolean
  readonly names: string[]
  readonly embeddings: boolean
}

/**
 * Returns how each model can use a body of the OpenAI API, according to its mappings: whether its endpoint gets the
 * body unchanged (`passes`), which fields its `request` mapping reads (`names`), and whether it gives embeddings.
 */
export const abilitiesOf = ({ models }: Pick<Pipeline, 'models'>): Record<string, Abilities> =>
  Object.fromEntries(
    Object.entries(models).map(([name, model]) => {
      const passes = passesOn(name, model)
      return [
        name,
        { passes, names: passes ? [] : namesIn(model.request), embeddings: passes || hasEmbeddings(model.response) },
      ]
    }),
  )

const TEXTS = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g

/**
 * Returns the fields that a mapping names: its words that are neither texts nor functions. `parameters.seed` names
 * `seed`, and not all parameters.
 */
export function namesIn(mapping: string): string[] {
  const code = mapping.replace(TEXTS, ' ')
  const names = [...code.matchAll(/(?<![\w$])[A-Za-z_]\w*(?!\w|\s*\()/g)]
    .filter(({ 0: name, index }) => name !== 'parameters' || code[index + name.length] !== '.')
    .map(([name]) => name)
  return [...new Set(names)].toSorted()
}

const hasEmbeddings = (mapping: string): boolean => /\bembeddings?\b/.test(mapping)
