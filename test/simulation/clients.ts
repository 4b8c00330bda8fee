import { parseBody } from '../../functions/core/admission/parse-body.ts'
import { prepare } from '../../functions/core/admission/prepare.ts'
import { createRouter } from '../../functions/core/admission/route.ts'
import { ApiError } from '../../functions/core/domain/errors.ts'
import { reservationOf } from '../../functions/core/domain/item.ts'
import { type InferenceMessage, keptMessage } from '../../functions/core/domain/messages.ts'
import { redriveRequest } from '../../functions/core/lifecycle/redrive-request.ts'
import { awaitEnd } from '../../functions/core/lifecycle/wait-for-completion.ts'
import { submitKeyed } from '../../functions/gateway/submit-keyed.ts'
import { submitRequest } from '../../functions/gateway/submit-request.ts'
import { cancelRequest } from '../../functions/reader/cancel-request.ts'
import { listRequests } from '../../functions/reader/list-requests.ts'
import { readQuota } from '../../functions/reader/read-quota.ts'
import { checkAccepted, checkNotFound, checkRefused, checkView, type Told } from './check/answers.ts'
import type { Ports } from './compose.ts'
import { isExpected } from './handlers.ts'
import { describe, type Invocation } from './invocation.ts'
import { COMMAND_TIMEOUT, GATEWAY, planOfUser, TIMEOUTS, USERS } from './settings.ts'
import type { System } from './system.ts'

export interface Submission {
  readonly user: string
  readonly body: string
  readonly key: string | undefined
}

const route = createRouter(GATEWAY)
const callerOf = (user: string) => ({ user_id: user, plan: USERS[user] ?? '' })

/** Whatever a function ends with: its answer, or the code of its refusal. */
type Ending<Answer> = { readonly answer: Answer } | { readonly refused: ApiError['code'] }

/** What clients and operators do, with a check of each answer that they get. */
export function createClients({ world, services, known, bug, portsOf }: System, told: Told) {
  /** Runs a use case as its handler does: refusals and outages are answers, anything else is a mistake of ours. */
  async function ending<Answer>(by: Invocation, run: () => Promise<Answer>): Promise<Ending<Answer>> {
    try {
      const answer = await run()
      world.trace(() => `${by.name} answers ${JSON.stringify(answer)}`)
      return { answer }
    } catch (error) {
      const refused = error instanceof ApiError ? error.code : 'unavailable'
      world.trace(() => `${by.name} answers ${refused}: ${describe(error)}`)
      if (!(error instanceof ApiError) && !isExpected(error)) world.violate(`${by.name} fails with ${describe(error)}`)
      return { refused }
    }
  }

  /** What a dead letter says was to be run; of a request that was ended from outside, made again from its item. */
  function messageOf(letterId: string): InferenceMessage | undefined {
    const kept = keptMessage(services.rdsData.deadLetters.get(letterId)?.message)
    const [requestId = '', run] = letterId.split(':')
    const item = known.items.get(requestId)
    if (kept || !item) return kept
    const { model, priority, fingerprint, created_at, deadline } = item
    const body = { inline: { prompt: 'hello' } }
    const of = { model, priority, fingerprint, created_at, deadline }
    return { v: 1, type: 'inference', ...reservationOf(item), run: Number(run), ...of, body }
  }

  const invoke = <Answer>(
    kind: keyof typeof TIMEOUTS | 'operator',
    line: string,
    run: (ports: Ports, by: Invocation) => Promise<Answer>,
    whenDone: (ending: Ending<Answer>) => void = () => undefined,
  ) =>
    world.invoke<Ending<Answer>>({
      kind,
      timeout_ms: kind === 'operator' ? COMMAND_TIMEOUT : TIMEOUTS[kind],
      run: by => {
        world.trace(() => `${by.name} is asked: ${line}`)
        return ending(by, () => run(portsOf(by), by))
      },
      whenDone,
    })

  return {
    submit({ user, body, key }: Submission): void {
      let ids = { request_id: '', fingerprint: '' }
      invoke(
        'gateway',
        `${user} submits ${body.slice(0, 80)}${key === undefined ? '' : ` under ${key}`}`,
        async ports => {
          const prepared = await prepare(ports, GATEWAY, route, callerOf(user), parseBody(body))
          ids = prepared.request
          const accepted = await (key === undefined
            ? submitRequest(ports, prepared)
            : submitKeyed(ports, key, prepared))
          return accepted.item.request_id
        },
        result => {
          if ('answer' in result) {
            const { fingerprint } = ids
            checkAccepted(known, services.sqs, told, user, { request_id: result.answer, fingerprint })
          } else if (key === undefined && result.refused !== 'unavailable' && ids.request_id !== '')
            checkRefused(known, services.dynamoDb, ids.request_id)
        },
      )
    },

    read(user: string, requestId: string, wait_ms: number): void {
      const asked = { user, at: world.turn() }
      invoke(
        'reader',
        `${user} reads ${requestId}`,
        ports => awaitEnd(ports, user, requestId, { ms: wait_ms, beside_others: true }),
        result => {
          if ('answer' in result) checkView(known, told, asked, result.answer, true)
          else if (result.refused === 'not_found') checkNotFound(known, told, asked, requestId)
        },
      )
    },

    list(user: string): void {
      const asked = { user, at: world.turn() }
      invoke(
        'reader',
        `${user} lists`,
        ports => listRequests(ports, user, { limit: '3' }),
        result => {
          if ('answer' in result) for (const view of result.answer.requests) checkView(known, told, asked, view, false)
        },
      )
    },

    cancel(user: string, requestId: string): void {
      const asked = { user, at: world.turn() }
      invoke(
        'reader',
        `${user} cancels ${requestId}`,
        ports => cancelRequest(ports, user, requestId),
        result => {
          if ('refused' in result) {
            if (result.refused === 'not_found') checkNotFound(known, told, asked, requestId)
          } else {
            if (known.items.get(requestId)?.user_id !== user) world.violate(`I11: ${user} cancels ${requestId}`)
            if (result.answer.cancelled) told.cancelled.add(requestId)
          }
        },
      )
    },

    readQuota(user: string): void {
      invoke('reader', `${user} reads the quota`, ports => readQuota(ports, GATEWAY.quotas, callerOf(user)))
    },

    /** Redrives what has a dead letter, as the operator's command does. */
    redrive(letterId: string): void {
      const message = messageOf(letterId)
      const item = message && known.items.get(message.request_id)
      if (!item) return
      const planted = bug?.letter?.(message, item) ?? message
      const plan = planOfUser(message.user_id)
      const entitlement = { limits: plan, shards: plan.shards, window: GATEWAY.quotas.window }
      invoke('operator', `redrives ${letterId}`, ports => redriveRequest(ports, planted, entitlement))
    },
  }
}
