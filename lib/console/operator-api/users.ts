import * as z from 'zod'
import { UserId } from '../../../functions/core/domain/ids.ts'
import { listUsage } from '../../cli/operations/list-users.ts'
import { showQuota } from '../../cli/operations/quota.ts'
import { limitOf, NO_BODY, NONE, UserParams } from './fields.ts'
import { type Route, route } from './route.ts'

const PAGE = 50

export const USER_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/users',
    does: 'Lists users by id, each with plan, limits, and the usage of the current window.',
    answers:
      '`{ "users": [ … ], "total", "next"? }`: each entry is the document of `sluice users show --json` with `window`, `resets_at` and `used`. `next` is the value of `after` for the next page.',
    params: NONE,
    query: z.strictObject({
      after: UserId.optional().describe('only users after the user with this id'),
      limit: limitOf(PAGE),
    }),
    body: NO_BODY,
    run: ({ admin }, { query }) => listUsage(admin, query),
  }),
  route({
    method: 'GET',
    path: '/users/{user}/quota',
    does: 'Shows the usage of a user in the current window, and each open reservation.',
    answers: 'The document of `sluice quota show --json`.',
    params: UserParams,
    query: NONE,
    body: NO_BODY,
    run: ({ admin }, { params }) => showQuota(admin, params.user),
  }),
]
