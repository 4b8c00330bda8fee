import type { Command } from 'commander'
import type { Policies } from '../../../functions/core/flow-control/policies.ts'
import { type Run, refusalLine } from '../answer.ts'
import { jsonObject } from '../arguments.ts'
import { columns } from '../columns.ts'
import { listModels, type ModelView, type Reset, resetModel } from '../operations/models.ts'
import { probeModel } from '../operations/probe-model.ts'
import { probeText } from '../probe-text.ts'

/** `sluice models list|reset|probe` */
export function addModels(program: Command, run: Run): void {
  const models = program.command('models').description('models, and what defers their calls')
  models
    .command('list')
    .description("each model's circuit, pause, halt and rate limit, and how many messages wait for it")
    .action(() =>
      run(async admin => {
        const views = await listModels(admin)
        const rows = views.map(view => rowOf(view, admin.models[view.model] ?? {}))
        const table = columns(['model', 'circuit', 'paused', 'rate limit', 'high', 'normal'], rows)
        return { json: views, lines: [...table, ...views.flatMap(haltText)] }
      }),
    )
  models
    .command('reset')
    .description("end a model's halt and pause and close its circuit, once the model is back")
    .argument('<model>')
    .action((model: string) =>
      run(async admin => {
        const done = await resetModel(admin, model)
        return { json: done, lines: resetText(done) }
      }),
    )
  models
    .command('probe')
    .description('call a model once, and show what Sluice makes of its answer')
    .argument('<model>')
    .option('--body <json>', 'the body of a POST to /v1/inference', jsonObject)
    .action((model: string, { body }: { body?: Record<string, unknown> }) =>
      run(async admin => {
        const probe = await probeModel(admin, model, body)
        const refusals = probe.failure ? [refusalLine(probe.failure.message)] : []
        return { json: probe, lines: probeText(probe), refusals }
      }),
    )
}

const rowOf = (view: ModelView, policies: Policies): string[] => [
  view.model,
  circuitText(view.circuit, policies),
  pauseText(view),
  rateLimitText(view),
  String(view.waiting.high),
  String(view.waiting.normal),
]

function pauseText({ paused_until, tried_at }: ModelView): string {
  if (!paused_until) return 'no'
  return tried_at ? `until ${paused_until}, tried at ${tried_at}` : `until ${paused_until}`
}

/** Says why a model is halted. It may quote the model, so the words stand in a line of their own, at its end. */
function haltText({ model, halted }: ModelView): string[] {
  if (!halted) return []
  const { since, next_probe, reason } = halted
  return [
    `${model} is halted since ${since}: it is not called until a call succeeds that tries it, at ${next_probe} or later, or until \`models reset ${model}\`. The reason: ${reason}`,
  ]
}

function circuitText(
  { state, until, failures, opened_times = 0, open_for_users }: ModelView['circuit'],
  { circuit }: Policies,
): string {
  if (state === 'off' || !circuit) return 'none'
  const whose = open_for_users ? ` for ${open_for_users === 1 ? 'one user' : `${open_for_users} users`}` : ''
  if (state === 'open')
    return `open${whose} until ${until}${opened_times > 1 ? ` (${opened_times} times in a row)` : ''}`
  if (state === 'half_open') return `half open${whose}: one call tries it`
  return failures === 0
    ? 'closed'
    : `closed, ${failures} of ${circuit.failures} failures in ${circuit.within_ms / 1000} s`
}

function rateLimitText({ rate_limit }: ModelView): string {
  if (!rate_limit) return 'none'
  const { used, count, interval_ms, next_turn, line_until } = rate_limit
  const usage = `${used} of ${count} in ${interval_ms / 1000} s`
  return [
    usage,
    ...(next_turn ? [`next turn ${next_turn}`] : []),
    ...(line_until ? [`line until ${line_until}`] : []),
  ].join(', ')
}

function resetText({ model, reset, held_until }: Reset): string[] {
  if (!reset) return [`Nothing holds up the calls of ${model}.`]
  const done = `The failures of ${model} are forgotten: it is called again, within a second.`
  if (!held_until) return [done]
  return [done, `Requests that were put back come at their time, a few seconds after ${held_until} at the latest.`]
}
