import { fingerprintOf } from '../../functions/core/admission/fingerprint.ts'
import { RequestError } from '../../functions/core/domain/errors.ts'
import { reservationOf } from '../../functions/core/domain/item.ts'
import { type InferenceMessage, keptMessage } from '../../functions/core/domain/messages.ts'
import type { HttpCall } from '../../functions/core/http/call.ts'
import { parseBody } from '../../functions/core/inference-api/body.ts'
import { redriveRequest } from '../../functions/core/lifecycle/redrive-request.ts'
import { waitForCompletion } from '../../functions/core/lifecycle/wait-for-completion.ts'
import type { Clock } from '../../functions/core/platform/clock.ts'
import { postInference } from '../../functions/gateway/post-inference.ts'
import { cancelRequest } from '../../functions/reader/cancel-request.ts'
import { eraseRequest } from '../../functions/reader/erase-request.ts'
import { listRequests } from '../../functions/reader/list-requests.ts'
import { readQuota } from '../../functions/reader/read-quota.ts'
import { checkAccepted, checkErased, checkNotFound, checkRefused, checkView, type Told } from './check/answers.ts'
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

const callerOf = (user: string) => ({ user_id: user, plan: USERS[user] ?? '' })

/** Makes the HTTP call of a submission, as the gateway's handler passes it to the use case. */
const postOf = ({ user, body, key }: Submission, by: Invocation, clock: Clock): HttpCall => ({
  route: 'POST /v1/inference',
  path: '/v1/inference',
  headers: key === undefined ? {} : { 'idempotency-key': key },
  query: {},
  parameters: {},
  caller: () => callerOf(user),
  body: () => body,
  remainingMs: () => by.deadline - clock(),
})

/** The answer of a function or a command, or the code of its refusal. */
type Ending<Answer> = { readonly answer: Answer } | { readonly refused: RequestError['code'] }

/** Makes the calls of clients and operators, and checks the answers. */
export function createClients({ world, services, known, bug, portsOf }: System, told: Told) {
  /** Runs a use case as its handler does. Refusals and outages are answers. Any other error is a bug. */
  async function ending<Answer>(by: Invocation, run: () => Promise<Answer>): Promise<Ending<Answer>> {
    try {
      const answer = await run()
      world.trace(() => `${by.name} answers ${JSON.stringify(answer)}`)
      return { answer }
    } catch (error) {
      const refused = error instanceof RequestError ? error.code : 'unavailable'
      world.trace(() => `${by.name} answers ${refused}: ${describe(error)}`)
      if (!(error instanceof RequestError) && !isExpected(error))
        world.violate(`${by.name} fails with ${describe(error)}`)
      return { refused }
    }
  }

  /**
   * The message with which a dead letter's request is redriven. If a sweeper or collector ended the request, the dead letter has no message, and
   * the message is built from the item.
   */
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
      timeoutMs: kind === 'operator' ? COMMAND_TIMEOUT : TIMEOUTS[kind],
      run: by => {
        world.trace(() => `${by.name} is asked: ${line}`)
        return ending(by, () => run(portsOf(by), by))
      },
      whenDone,
    })

  return {
    submit(submission: Submission): void {
      const { user, body, key } = submission
      /** The request ids that the gateway makes. The list stays empty if the gateway refuses the request before the admission. */
      const made: string[] = []
      const recordedIds = ({ ids }: Ports) => ({
        ...ids,
        request: (now: number) => {
          const id = ids.request(now)
          made.push(id)
          return id
        },
      })
      invoke(
        'gateway',
        `${user} submits ${body.slice(0, 80)}${key === undefined ? '' : ` under ${key}`}`,
        async (ports, by) => {
          const call = postOf(submission, by, world.clock)
          const answer = await postInference({ ...ports, ids: recordedIds(ports) }, call)
          return String(JSON.parse(answer.body ?? '').request_id)
        },
        result => {
          const [first] = made
          if ('answer' in result) {
            const fingerprint = fingerprintOf(parseBody(body))
            checkAccepted(known, services.queues, told, user, { request_id: result.answer, fingerprint })
          } else if (key === undefined && result.refused !== 'unavailable' && first !== undefined)
            checkRefused(known, services.dynamoDb, first)
        },
      )
    },

    read(user: string, requestId: string, waitMs: number): void {
      const asked = { user, at: world.turn() }
      invoke(
        'reader',
        `${user} reads ${requestId}`,
        ports => waitForCompletion(ports, user, requestId, { ms: waitMs, beside_others: true }),
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

    erase(user: string, requestId: string): void {
      const asked = { user, at: world.turn() }
      if (known.items.get(requestId)?.user_id === user) known.erasing.add(requestId)
      invoke(
        'reader',
        `${user} erases ${requestId}`,
        ports => eraseRequest(ports, user, requestId),
        result => {
          if ('answer' in result) checkErased(known, asked, requestId)
          else if (result.refused === 'not_found') checkNotFound(known, told, asked, requestId)
        },
      )
    },

    readQuota(user: string): void {
      invoke('reader', `${user} reads the quota`, ports => readQuota(ports, GATEWAY.quotas, callerOf(user)))
    },

    /** Redrives a dead letter, as the operator's command does. */
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
