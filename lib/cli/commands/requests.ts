import { type Command, Option } from 'commander'
import { Status } from '../../../functions/core/domain/item.ts'
import type { Answer, Run } from '../answer.ts'
import { requestId, userId, wholeNumber } from '../arguments.ts'
import { columns, facts } from '../columns.ts'
import { listRequests, type RequestDetails, type RequestSummary, showRequest } from '../operations/requests.ts'

/** `sluice requests show|list` */
export function addRequests(program: Command, run: Run): void {
  const requests = program.command('requests').description('requests and their outcomes')
  requests
    .command('show')
    .description('everything that is known about one request')
    .argument('<request-id>', '', requestId)
    .action((id: string) =>
      run(async admin => {
        const request = await showRequest(admin, id)
        return { json: request, lines: describe(request) }
      }),
    )
  requests
    .command('list')
    .description('requests, newest first')
    .option('--user <user>', 'only those of one user', userId)
    .addOption(new Option('--status <status>', 'only those of one status').choices(Status.options))
    .option('--limit <n>', 'how many at most', wholeNumber, 50)
    .action((filter: { user?: string; status?: Status; limit: number }) =>
      run(async admin => listed(await listRequests(admin, filter), filter.limit)),
    )
}

function listed(requests: readonly RequestSummary[], limit: number): Answer {
  const rows = requests.map(r => [r.request_id, r.created_at, r.user, r.model, r.priority, outcomeOf(r), tokensOf(r)])
  const table = columns(['request', 'created', 'user', 'model', 'priority', 'status', 'tokens'], rows)
  const rest = `These are the newest ${limit}; --limit ${10 * limit} lists more, if there are.`
  return { json: requests, lines: requests.length < limit ? table : [...table, '', rest] }
}

const outcomeOf = ({ status, error }: RequestSummary): string => (error ? `${status}: ${error.code}` : status)

const tokensOf = ({ usage, estimated_tokens }: RequestSummary): string =>
  usage ? String(usage.total_tokens) : `~${estimated_tokens}`

function describe(r: RequestDetails): string[] {
  return [
    ...facts({
      request: r.request_id,
      user: r.user,
      model: r.model,
      priority: r.priority,
      status: r.status,
      error: r.error && `${r.error.code}: ${r.error.message}`,
      'model status': r.error?.status === undefined ? undefined : String(r.error.status),
      'model said': r.error?.detail,
      run: String(r.run),
      attempts: String(r.attempts),
      estimate: `${r.estimated_tokens} tokens`,
      usage: r.usage && usageText(r.usage),
      charged: r.charged && chargeText(r.charged),
      window: r.quota_window,
      trace: r.trace_id,
      created: r.created_at,
      started: r.started_at,
      'not before': r.not_before,
      completed: r.completed_at,
      deadline: r.deadline,
      metadata: r.metadata === undefined ? undefined : JSON.stringify(r.metadata),
    }),
    ...block('prompt', typeof r.prompt === 'string' ? r.prompt : undefined, r.prompt_key),
    ...block('result', r.result === undefined ? undefined : JSON.stringify(r.result, null, 2), r.result_key),
  ]
}

const usageText = (usage: NonNullable<RequestSummary['usage']>): string =>
  `${usage.total_tokens} tokens (${usage.prompt_tokens ?? '?'} of the prompt, ${usage.completion_tokens ?? '?'} of the completion)`

const chargeText = ({ requests, tokens }: NonNullable<RequestSummary['charged']>): string =>
  `${requests} request${requests === 1 ? '' : 's'}, ${tokens} tokens`

function block(name: string, text: string | undefined, key: string | undefined): string[] {
  if (text === undefined && key === undefined) return []
  return ['', `${name}:`, text ?? `(no longer stored; it was ${key} in the payload bucket)`]
}
