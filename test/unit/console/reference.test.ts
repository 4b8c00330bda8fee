import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { findRoute } from '../../../lib/console/operator-api/find-route.ts'
import { operatorApiReference } from '../../../lib/console/operator-api/reference.ts'
import { ROUTES } from '../../../lib/console/operator-api/routes.ts'

it('docs/operator-api.md is the same as the page that the routes of the operator API generate', () => {
  expect(readFileSync('docs/operator-api.md', 'utf8'), 'run npm run generate').toBe(operatorApiReference())
})

it.each(ROUTES.map(({ method, path }) => ({ method, path })))('findRoute finds $method $path', ({ method, path }) => {
  expect(findRoute(method, path)).toMatchObject({ route: { method, path } })
})

it('findRoute gives the parameters of a path, decoded', () => {
  expect(findRoute('GET', '/dead-letters/message%3Aa%2Fb')).toMatchObject({
    route: { path: '/dead-letters/{name}' },
    params: { name: 'message:a/b' },
  })
})

it('findRoute gives the methods of a path if the path has no route with the called method', () => {
  expect(findRoute('DELETE', '/requests')).toEqual({ methods: ['GET', 'POST'] })
  expect(findRoute('GET', '/nowhere')).toEqual({ methods: [] })
})
