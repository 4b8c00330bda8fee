import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { NO_ROUTE, ROUTES } from '../../../functions/core/http/routes.ts'
import { OPENAPI_FILE, openApiYaml } from '../../../lib/openapi/yaml.ts'

/**
 * Routes that docs/openapi.yaml leaves out. The first two are paths of the pipeline that Sluice replaces, and do the same as
 * `POST /v1/inference`. The third gives the document itself.
 */
const UNDESCRIBED = ['POST /generate', 'POST /api/v1/inference', 'GET /openapi.json', NO_ROUTE]

describe('docs/openapi.yaml', () => {
  const text = readFileSync(OPENAPI_FILE, 'utf8')
  const document: { paths: Record<string, Record<string, { security?: unknown }>> } = parse(text)

  it('is the same as the document that npm run generate writes', () => {
    expect(text).toBe(openApiYaml())
  })

  it('describes every route, and says of each route whether a call needs a key', () => {
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
