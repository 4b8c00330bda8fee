import * as z from 'zod'
import { RequestId, UserId } from '../../../functions/core/domain/ids.ts'
import { Status } from '../../../functions/core/domain/item.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import type { LogLine } from '../../cli/logs/port.ts'
import { linesOf } from '../../cli/operations/logs.ts'
import { postRequest } from '../../cli/operations/post-request.ts'
import { listRequests, showRequest } from '../../cli/operations/requests.ts'
import { parseDuration } from '../../config/duration.ts'
import { limitOf, NO_BODY, NONE, RequestParams } from './fields.ts'
import { type Route, route } from './route.ts'

const PAGE = 50

/** A duration such as `1h`, in milliseconds. */
const Age = z
  .string()
  .transform(text => parseDuration(text))
  .pipe(z.number({ error: 'it is a duration such as 30s, 15m, 1h or 7d' }))

/** A line of a log. `at` is ISO 8601. */
export interface LogLineView extends Omit<LogLine, 'at'> {
  readonly at: string
}

const viewOf = ({ at, ...line }: LogLine): LogLineView => ({ at: iso(at), ...line })

export const REQUEST_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/requests',
    does: 'Lists requests, newest first.',
    answers:
      '`{ "requests": [ … ], "next"? }`: the entries of `sluice requests list --json`. `next` is the value of `before` for the next page.',
    params: NONE,
    query: z.strictObject({
      user: UserId.optional().describe('only requests of this user'),
      status: Status.optional().describe('only requests with this status'),
      model: z.string().min(1).optional().describe('only requests of this model'),
      since: Age.optional().describe('only requests that were made within this time before now, such as `1h`'),
      before: RequestId.optional().describe('only requests that are older than the request with this id'),
      limit: limitOf(PAGE),
    }),
    body: NO_BODY,
    run: async ({ admin }, { query }) => {
      const { since, ...filter } = query
      const requests = await listRequests(admin, {
        ...filter,
        ...(since !== undefined && { since: admin.clock() - since }),
      })
      const last = requests.length < query.limit ? undefined : requests.at(-1)
      return { requests, ...(last && { next: last.request_id }) }
    },
  }),
  route({
    method: 'GET',
    path: '/requests/{id}',
    does: 'Shows everything about one request.',
    answers: 'The document of `sluice requests show --json`.',
    params: RequestParams,
    query: NONE,
    body: NO_BODY,
    run: ({ admin }, { params }) => showRequest(admin, params.id),
  }),
  route({
    method: 'GET',
    path: '/requests/{id}/log',
    does: 'Shows the log lines of all functions about a request, oldest line first.',
    answers:
      '`{ "lines": [ { "at", "function", "level", "message", "fields" } ] }`. `fields` has the other fields of the line.',
    params: RequestParams,
    query: NONE,
    body: NO_BODY,
    run: async ({ admin }, { params }) => ({ lines: (await linesOf(admin, params.id)).map(viewOf) }),
  }),
  route({
    method: 'POST',
    path: '/requests',
    does: 'Posts a request as a user, through the API of the system. The plan and the quota of the user apply.',
    answers: '`{ "status", "body" }`: the HTTP status and the body of the answer of the API.',
    params: NONE,
    query: NONE,
    body: z.strictObject({
      user: UserId.describe('a user that exists'),
      body: z.record(z.string(), z.unknown()).describe('the body of `POST /v1/inference`'),
    }),
    run: ({ admin }, { body }) => postRequest(admin, body),
  }),
]
