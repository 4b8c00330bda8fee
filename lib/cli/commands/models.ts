import type { Command } from 'commander'
import type { Policies } from '../../../functions/core/flow-control/policies.ts'
import type { Admin } from '../admin.ts'
import { age, lasting } from '../age.ts'
import { type Answer, type Run, refusalLine } from '../answer.ts'
import { jsonObject } from '../arguments.ts'
import { columns } from '../columns.ts'
import type { ModelView, Reset } from '../operations/models.ts'
import { probeText } from '../probe-text.ts'
import { watchable } from '../watch.ts'

/** Adds the command `sluice models list|reset|probe` */
export function addModels(program: Command, run: Run): void {
  const models = program.command('models').description('models, and the reasons that defer their calls')
  watchable(models.command('list'))
    .description("each model's circuit, pause, halt and rate limit, its last failure, and its waiting messages")
    .addHelpText('after', LIST_HELP)
    .action(({ watch }: { watch?: number }) =>
      run(
        async admin => {
          const { listModels } = await import('../operations/models.ts')
          return listed(await listModels(admin), admin)
        },
        { watch },
      ),
    )
  models
    .command('reset')
    .description("end a model's halt and pause, and close its circuit, when the model works again")
    .argument('<model>')
    .action((model: string) =>
      run(async admin => {
        const { resetModel } = await import('../operations/models.ts')
        const done = await resetModel(admin, model)
        return { json: done, lines: resetText(done) }
      }),
    )
  models
    .command('probe')
    .description('call a model once, and show the answer and how Sluice judges it')
    .argument('<model>')
    .option('--body <json>', 'the body of a POST to /v1/inference', jsonObject)
    .action((model: string, { body }: { body?: Record<string, unknown> }) =>
      run(async admin => {
        const { probeModel } = await import('../operations/probe-model.ts')
        const probe = await probeModel(admin, model, body)
        const refusals = probe.failure ? [refusalLine(probe.failure.message)] : []
        return { json: probe, lines: probeText(probe), refusals }
      }),
    )
}

const LIST_HELP = `
FAILED shows, for the last hour, the number of failed requests and of ended requests. HIGH and NORMAL show roughly how many messages of
each priority wait. With SQS, deferred messages are included; with RabbitMQ, they are not. OLDEST is the time for which the oldest request has waited.`

function listed(views: readonly ModelView[], { models, clock }: Pick<Admin, 'models' | 'clock'>): Answer {
  const rows = views.map(view => rowOf(view, models[view.model] ?? {}))
  const heading = ['model', 'state', 'rate limit', 'failed', 'high', 'normal', 'oldest']
  const sentences = views.flatMap(view => [
    ...haltText(view),
    ...circuitText(view, models[view.model] ?? {}),
    ...pauseText(view),
    ...slotText(view),
    ...failureText(view, clock()),
  ])
  return {
    json: views,
    table: width => columns(heading, rows, width),
    lines: sentences.length === 0 ? [] : ['', ...sentences],
  }
}

const rowOf = (view: ModelView, policies: Policies): string[] => [
  view.model,
  stateOf(view, policies),
  usageOf(view),
  view.last_hour ? `${view.last_hour.failed} of ${view.last_hour.ended}` : '?',
  String(view.waiting.high),
  String(view.waiting.normal),
  view.oldest_waiting ? lasting(1000 * view.oldest_waiting.seconds) : '',
]

/** Returns the state of a model that defers its calls, in a word or two. A sentence below the table gives the reason. */
function stateOf({ halted, circuit, paused_until }: ModelView, policies: Policies): string {
  if (halted) return 'halted'
  if (circuit.state === 'open') return 'open'
  if (circuit.state === 'half_open') return 'half open'
  if (paused_until !== undefined) return 'paused'
  return circuit.state === 'off' || !policies.circuit ? 'ok' : 'closed'
}

function pauseText({ model, paused_until, tried_at }: ModelView): string[] {
  if (paused_until === undefined) return []
  const tried = tried_at === undefined ? '' : `; it is tried at ${tried_at}`
  return [`${model} has asked for no calls until ${paused_until}${tried}.`]
}

function failureText({ model, last_failure }: ModelView, now: number): string[] {
  if (!last_failure) return []
  const { at, reason, request_id } = last_failure
  return [`The last failed call of ${model}, ${age(at, now)} ago (request ${request_id}): ${reason}`]
}

/** Says why a model is halted. The reason may quote a text of the model, so the reason is in a line of its own, at the end. */
function haltText({ model, halted }: ModelView): string[] {
  if (!halted) return []
  const { since, next_probe, reason } = halted
  return [
    `${model} is halted since ${since}: it is not called until a call succeeds that tries it, at ${next_probe} or later, or until \`models reset ${model}\`. The reason: ${reason}`,
  ]
}

function circuitText({ model, circuit: view }: ModelView, { circuit }: Policies): string[] {
  const { state, until, failures, opened_times = 0, open_for_users } = view
  if (!circuit) return []
  const whose = open_for_users ? ` for ${open_for_users === 1 ? 'one user' : `${open_for_users} users`}` : ''
  const times = opened_times > 1 ? ` (${opened_times} times in a row)` : ''
  if (state === 'open') return [`The circuit of ${model} is open${whose} until ${until}${times}.`]
  if (state === 'half_open') return [`The circuit of ${model} is half open${whose}: one call tries the model.`]
  const seconds = circuit.within_ms / 1000
  return failures === 0
    ? []
    : [`The circuit of ${model} has counted ${failures} of ${circuit.failures} failures in ${seconds} s.`]
}

const usageOf = ({ rate_limit }: ModelView): string =>
  rate_limit ? `${rate_limit.used} of ${rate_limit.count} in ${rate_limit.interval_ms / 1000} s` : 'none'

function slotText({ model, rate_limit }: ModelView): string[] {
  const { next_turn, line_until } = rate_limit ?? {}
  return [
    ...(next_turn === undefined ? [] : [`The next free slot of ${model} is at ${next_turn}.`]),
    ...(line_until === undefined ? [] : [`The backlog of ${model} has slots until about ${line_until}.`]),
  ]
}

function resetText({ model, reset, held_until }: Reset): string[] {
  if (!reset) return [`Nothing holds up the calls of ${model}.`]
  const done = `The failures of ${model} are forgotten: it is called again, within a second.`
  if (!held_until) return [done]
  return [done, `Requests that were put back come at their time, a few seconds after ${held_until} at the latest.`]
}
