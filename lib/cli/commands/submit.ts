import { type Command, Option } from 'commander'
import { failureSentence } from '../../../functions/core/domain/item.ts'
import type { Answer, Run } from '../answer.ts'
import { userId } from '../arguments.ts'
import { facts } from '../columns.ts'
import type { Submitted } from '../operations/submit.ts'
import { Refusal } from '../refusal.ts'

interface Options {
  readonly user: string
  readonly model?: string
  readonly priority?: 'high' | 'normal'
  readonly wait?: boolean
}

/** Reads all of stdin. */
type ReadInput = () => Promise<string>

/** Adds the command `sluice submit`. It posts a request to the API as any client does. */
export function addSubmit(program: Command, run: Run, readInput?: ReadInput): void {
  program
    .command('submit')
    .description('post a request to test a model; the command creates a key for this and deletes it afterwards')
    .argument('[prompt]', 'the prompt; with - or nothing, the prompt is read from stdin')
    .option('--user <user>', 'the user that is charged; a new one is created on the default plan', userId, 'demo')
    .option('--model <model>', 'the model; without it, the routing of the pipeline file decides')
    .addOption(new Option('--priority <priority>', 'the priority').choices(['high', 'normal']))
    .option('--wait', 'wait for the end, and print the result')
    .addHelpText('after', HELP)
    .action(async (given: string | undefined, options: Options) => {
      const prompt = given === undefined || given === '-' ? await inputOf(readInput) : given
      if (prompt.trim() === '') throw new Refusal('the prompt is empty: give one as the argument, or on stdin')
      await run(async (admin, tell) => {
        const { submitRequest } = await import('../operations/submit.ts')
        const told = ({ request_id }: Submitted) => {
          if (options.wait) tell(`request ${request_id}`)
        }
        return answerOf(await submitRequest(admin, { ...options, prompt }, told))
      })
    })
}

const HELP = `
With --json: the answer of the API, as POST and GET /v1/inference give it. Exit code 1 if the request was refused, or if it failed
while the command waited for it.`

async function inputOf(readInput: ReadInput | undefined): Promise<string> {
  if (!readInput) throw new Refusal('there is no prompt: give one as the argument, or on stdin')
  return (await readInput()).replace(/\n$/, '')
}

function answerOf(submitted: Submitted): Answer {
  const { request_id, status, model, error, result, charged } = submitted
  const lines = facts({
    request: request_id,
    model: textOf(model),
    status,
    charged: textOf(charged),
    result: textOf(result),
  })
  const next = status === 'queued' ? [`requests show ${request_id} shows how it goes on.`] : []
  const failures = status === 'failed' || status === 'expired' || status === 'cancelled'
  const refusals = failures
    ? [`error: the request is ${status}${error === undefined ? '' : `: ${sentenceOf(error)}`}`]
    : []
  return { json: submitted, lines: [...lines, ...next], refusals }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : JSON.stringify(value))

/** Returns the error of a request: its code, its sentence, and the model's own words. */
function sentenceOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  const { code, message, detail }: Record<string, unknown> = { ...error }
  const sentence = failureSentence({
    message: String(message),
    detail: typeof detail === 'string' ? detail : undefined,
  })
  return typeof code === 'string' ? `${code}: ${sentence}` : sentence
}
