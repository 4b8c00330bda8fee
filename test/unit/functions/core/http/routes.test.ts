import { describe, expect, it } from 'vitest'
import { noRoute } from '../../../../../functions/core/http/routes.ts'

describe('noRoute: the error for a call that matches no route', () => {
  it.each([
    { path: '/v1/inference', allow: 'GET, POST' },
    { path: '/generate', allow: 'POST' },
    { path: '/api/v1/inference', allow: 'POST' },
    { path: '/v1/inference/01a207e6-dca0-746e-b6a9-c92353540dee', allow: 'DELETE, GET' },
    { path: '/v1/quota', allow: 'GET' },
    { path: '/healthz', allow: 'GET' },
  ])('says that $path can be called only with $allow', ({ path, allow }) => {
    expect(noRoute(path)).toMatchObject({ code: 'method_not_allowed', details: { allow: allow.split(', ') } })
  })

  it.each(['/', '/v1', '/v1/inference/', '/v1/inference/a/b', '/healthz/x', '/v2/quota', '/generate/'])(
    'says that nothing is at %s',
    path => {
      expect(noRoute(path)).toMatchObject({ code: 'not_found' })
    },
  )
})
