import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { NO_ROUTE, ROUTES } from '../../../functions/core/http/routes.ts'
import { OPENAPI_FILE, openApiYaml } from '../../../lib/openapi/yaml.ts'

/** The paths of the old pipeline do what `/v1/inference` does, and a description of the description helps nobody. */
const UNDESCRIBED = ['POST /generate', 'POST /api/v1/inference', 'GET /openapi.json', NO_ROUTE]

describe('docs/openapi.yaml', () => {
  const text = readFileSync(OPENAPI_FILE, 'utf8')
  const document: { paths: Record<string, Record<string, { security?: unknown }>> } = parse(text)

  it('is what npm run generate writes', () => {
    expect(text).toBe(openApiYaml())
  })

  it('describes every route, and which of them need no key', () => {
    const described = Object.entries(document.paths).flatMap(([path, calls]) =>
      Object.entries(calls).map(
        ([method, { security }]) => `${method.toUpperCase()} ${path} ${security === undefined}`,
      ),
    )
    const routes = ROUTES.map(({ method, path, needs_key }) => ({ key: `${method} ${path}`, needs_key }))

    expect(described.toSorted()).toEqual(
      routes
        .filter(({ key }) => !UNDESCRIBED.includes(key))
        .map(({ key, needs_key }) => `${key} ${needs_key}`)
        .toSorted(),
    )
  })
})
