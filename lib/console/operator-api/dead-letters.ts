import * as z from 'zod'
import { iso } from '../../../functions/core/platform/clock.ts'
import { discardDeadLetters, nameOf, redriveDeadLetters, showDeadLetter } from '../../cli/operations/dead-letters.ts'
import { LetterParams, limitOf, NO_BODY, NONE } from './fields.ts'
import { type Route, route } from './route.ts'

const PAGE = 50

const Name = z.string().min(1)
const Names = z.strictObject({
  names: z.array(Name).min(1).max(1_000).describe('the names of dead letters, as `GET /dead-letters` lists them'),
})

/**
 * The choice of dead letters to redrive. To redrive all, the body must say so explicitly. Otherwise an empty body, sent
 * by mistake, would run all failed requests again, and their users would be charged for the new runs.
 */
const Choice = z.union([
  Names,
  z.strictObject({ model: Name.describe('redrives all dead letters of this model') }),
  z.strictObject({ all: z.literal(true).describe('`true` redrives all dead letters') }),
])

export const DEAD_LETTER_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/dead-letters',
    does: 'Lists dead letters by id. The oldest request comes first.',
    answers:
      '`{ "dead_letters": [ { "name", "request_id", "model", "reason", "attempts", "at" } ], "next"? }`. Use `name` to redrive or discard a dead letter. `next` is the value of `after` for the next page.',
    params: NONE,
    query: z.strictObject({
      model: Name.optional().describe('only dead letters of this model'),
      after: Name.optional().describe('only dead letters after the one with this name'),
      limit: limitOf(PAGE),
    }),
    body: NO_BODY,
    run: async ({ admin }, { query }) => {
      const letters = await admin.deadLetters.list(query)
      const last = letters.length < query.limit ? undefined : letters.at(-1)
      const shown = letters.map(letter => {
        const { request_id, model, reason, attempts, at } = letter
        return { name: nameOf(letter), request_id, model, reason, attempts, at: iso(at) }
      })
      return { dead_letters: shown, ...(last && { next: last.id }) }
    },
  }),
  route({
    method: 'GET',
    path: '/dead-letters/{name}',
    does: 'Shows the newest dead letter of a request, with its message.',
    answers: 'The document of `sluice dead-letters show --json`.',
    params: LetterParams,
    query: NONE,
    body: NO_BODY,
    run: async ({ admin }, { params }) => {
      const { at, ...letter } = await showDeadLetter(admin, params.name)
      return { ...letter, at: iso(at) }
    },
  }),
  route({
    method: 'POST',
    path: '/dead-letters/redrive',
    does: 'Runs the requests of dead letters again, and removes the dead letters that are queued again. The body has exactly one of the three inputs.',
    answers: 'The document of `sluice dead-letters redrive --json`.',
    params: NONE,
    query: NONE,
    body: Choice,
    run: ({ admin }, { body }) => redriveDeadLetters(admin, body),
  }),
  route({
    method: 'POST',
    path: '/dead-letters/discard',
    does: 'Removes dead letters. Their requests stay failed, and can never be run again.',
    answers: 'The document of `sluice dead-letters discard --json`.',
    params: NONE,
    query: NONE,
    body: Names,
    run: ({ admin }, { body }) => discardDeadLetters(admin, body.names),
  }),
]
