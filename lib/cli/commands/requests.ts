import { type Command, Option } from 'commander'
import { failureSentence, type Status } from '../../../functions/core/domain/item.ts'
import { age } from '../age.ts'
import type { Answer, Run } from '../answer.ts'
import { duration, requestId, userId, wholeNumber } from '../arguments.ts'
import { columns, facts } from '../columns.ts'
import type { LastFailureView } from '../operations/last-failure.ts'
import type { RequestDetails, RequestSummary } from '../operations/requests.ts'
import { watchable } from '../watch.ts'

/** Adds the command `sluice requests show|list` */
export function addRequests(program: Command, run: Run): void {
  const requests = program.command('requests').description('requests and their outcomes')
  requests
    .command('show')
    .description('show all data about one request')
    .argument('<request-id>', '', requestId)
    .action((id: string) =>
      run(async admin => {
        const { showRequest } = await operations()
        const request = await showRequest(admin, id)
        return { json: request, lines: describe(request) }
      }),
    )
  watchable(requests.command('list'))
    .description('list requests, newest first, with the reasons of failures')
    .option('--user <user>', 'only requests of one user', userId)
    .addOption(new Option('--status <status>', 'only requests with one status').choices(STATUSES))
    .option('--model <model>', 'only requests of one model')
    .option('--since <duration>', 'only requests that were made in the last 30s, 1h, 7d, …', duration)
    .option('--limit <n>', 'the most requests to list', wholeNumber, 50)
    .action(({ watch, since, ...filter }: ListOptions) =>
      run(
        async admin => {
          const { listRequests } = await operations()
          const now = admin.clock()
          const from = since === undefined ? undefined : now - since
          return listed(await listRequests(admin, { ...filter, since: from }), filter.limit, now)
        },
        { watch },
      ),
    )
}

interface ListOptions {
  readonly user?: string
  readonly status?: Status
  readonly model?: string
  readonly since?: number
  readonly limit: number
  readonly watch?: number
}

/**
 * The statuses of a request. They are the same as in the functions. They are repeated here, because the schemas of the functions take longer to
 * load than most commands run.
 */
const STATUSES = [
  'queued',
  'running',
  'completed',
  'failed',
  'cancelled',
  'expired',
  'rejected',
] as const satisfies readonly Status[]

const operations = () => import('../operations/requests.ts')

function listed(requests: readonly RequestSummary[], limit: number, now: number): Answer {
  const rows = requests.map(r => ({
    cells: [r.request_id, age(r.created_at, now), r.user, r.model, r.status, tokensOf(r)],
    note: r.error && reasonOf(r.error),
  }))
  const rest = `These are the newest ${limit}; --limit ${10 * limit} lists more, if there are.`
  return {
    json: requests,
    table: width => columns(['request', 'age', 'user', 'model', 'status', 'tokens'], rows, width),
    lines: requests.length < limit ? [] : ['', rest],
  }
}

/** Returns the reason why a request failed, with the model's own words. */
const reasonOf = (error: NonNullable<RequestSummary['error']>): string => `${error.code}: ${failureSentence(error)}`

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
      waits: r.waits?.sentence,
      'last failure': r.waits?.last_failure && failureText(r.waits.last_failure, r.request_id),
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

/** Describes the last failed call to a model. It may be a call of another request. */
function failureText({ at, reason, request_id }: LastFailureView, id: string): string {
  return `at ${at}, ${request_id === id ? 'of this request' : `of the request ${request_id}`}: ${reason}`
}

const usageText = (usage: NonNullable<RequestSummary['usage']>): string =>
  `${usage.total_tokens} tokens (${usage.prompt_tokens ?? '?'} of the prompt, ${usage.completion_tokens ?? '?'} of the completion)`

const chargeText = ({ requests, tokens }: NonNullable<RequestSummary['charged']>): string =>
  `${requests} request${requests === 1 ? '' : 's'}, ${tokens} tokens`

function block(name: string, text: string | undefined, key: string | undefined): string[] {
  if (text === undefined && key === undefined) return []
  return ['', `${name}:`, text ?? `(no longer stored; it was ${key} in the payload bucket)`]
}
