import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type JsonSchema, pipelineJsonSchema, plainJsonSchema } from '../../../lib/config/json-schema.ts'
import { providersReference } from '../../../lib/config/providers/reference.ts'
import { pipelineReference } from '../../../lib/config/reference.ts'

const HINT = 'run npm run generate'

it('docs/pipeline.schema.json is the same as the JSON Schema that the schema of pipeline.yaml generates', () => {
  expect(JSON.parse(readFileSync('docs/pipeline.schema.json', 'utf8')), HINT).toEqual(pipelineJsonSchema())
})

it('docs/pipeline.md is the same as the reference that the schema of pipeline.yaml generates', () => {
  expect(readFileSync('docs/pipeline.md', 'utf8'), HINT).toBe(pipelineReference())
})

it('docs/providers.md is the same as the page that the profiles of the providers generate', () => {
  expect(readFileSync('docs/providers.md', 'utf8'), HINT).toBe(providersReference())
})

it('docs/pipeline.md has no heading twice', () => {
  const headings = pipelineReference().match(/^## .*$/gm) ?? []

  expect(headings).toEqual([...new Set(headings)])
})

it('every key of pipeline.yaml has a description, and a default or an example unless it has keys below it', () => {
  const keys = [...allKeys(plainJsonSchema(), '')]

  expect(keys.filter(([, schema]) => !schema.description).map(([path]) => path)).toEqual([])
  const leaves = keys.filter(([, { type, anyOf }]) => type !== 'object' && type !== 'array' && !anyOf)
  expect(leaves.filter(([, schema]) => schema.default === undefined && !schema.examples).map(([path]) => path)).toEqual(
    [],
  )
  expect(leaves.length).toBeGreaterThan(30)
})

it('docs/pipeline.schema.json accepts an environment variable in place of a number, a duration or a choice', () => {
  const schema = pipelineJsonSchema()
  const fields = schema.properties?.queue?.properties

  expect(fields?.expire_after?.anyOf).toContainEqual({ $ref: '#/$defs/variable' })
  expect(fields?.backend?.anyOf).toContainEqual({ $ref: '#/$defs/variable' })
})

function* allKeys(
  { properties = {}, additionalProperties, items, anyOf = [] }: JsonSchema,
  path: string,
): Generator<[string, JsonSchema]> {
  for (const [key, schema] of Object.entries(properties)) {
    yield [`${path}.${key}`, schema]
    yield* allKeys(schema, `${path}.${key}`)
  }
  for (const schema of [...anyOf, ...(items ? [items] : []), ...(additionalProperties ? [additionalProperties] : [])]) {
    yield* allKeys(schema, path)
  }
}
