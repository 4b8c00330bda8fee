import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod'
import { readBody } from '../read-body.ts'
import { type Analysis, analyse } from './analyse.ts'

const MAX_BODY = 8 * 1024 * 1024
const SUMMARY_TOKENS = 100

const Prediction = z.object({
  model_input: z.string('must be a text').min(1, 'must not be empty'),
  parameters: z
    .looseObject(
      { max_tokens: z.int('must be a whole number').min(0, 'must not be negative').optional() },
      'must be an object',
    )
    .optional(),
  request_id: z.string('must be a text').optional(),
})
const Batch = z.object({ inputs: z.array(z.unknown(), 'must be a list').max(10_000, 'must be 10,000 at most') })

interface Answer {
  status: number
  body: object
}

/**
 * Answers `GET /healthz`, `POST /predict` (`{ model_input, parameters?, request_id? }` → `{ result, usage }`) and `POST /batch_predict`
 * (`{ inputs: [...] }` → `{ outputs: [...] }` in the same order, with `{ error }` for a wrong input).
 */
export async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // If a client closes its connection early, `route` rejects. Without the catch, this rejection would end the thread.
  const { status, body } = await route(request).catch(() => refuse(500, 'the model failed'))
  const text = JSON.stringify(body)
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text)
}

async function route(request: IncomingMessage): Promise<Answer> {
  const handlers: Record<string, () => Answer | Promise<Answer>> = {
    'GET /healthz': () => ({ status: 200, body: { status: 'ok' } }),
    'POST /predict': () => withBody(request, predict),
    'POST /batch_predict': () => withBody(request, batchPredict),
  }
  const path = request.url?.split('?', 1)[0]
  const handler = handlers[`${request.method} ${path}`]
  return handler?.() ?? refuse(404, `there is no ${request.method} ${path}`)
}

async function withBody(request: IncomingMessage, handle: (body: unknown) => Answer): Promise<Answer> {
  const body = await readBody(request, MAX_BODY)
  if (!body) return refuse(413, 'the body is over 8 MiB')
  try {
    return handle(JSON.parse(body.toString()))
  } catch (error) {
    if (error instanceof SyntaxError) return refuse(400, 'the body is not valid JSON')
    throw error
  }
}

function predict(body: unknown): Answer {
  const outcome = predictOne(body)
  return { status: 'error' in outcome ? 400 : 200, body: outcome }
}

function batchPredict(body: unknown): Answer {
  const batch = Batch.safeParse(body)
  return batch.success
    ? { status: 200, body: { outputs: batch.data.inputs.map(predictOne) } }
    : refuse(400, sentence(batch.error))
}

function predictOne(input: unknown): Analysis | { error: string } {
  const prediction = Prediction.safeParse(input)
  if (!prediction.success) return { error: sentence(prediction.error) }
  const { model_input, parameters } = prediction.data
  return analyse(model_input, parameters?.max_tokens ?? SUMMARY_TOKENS)
}

function refuse(status: number, error: string): Answer {
  return { status, body: { error } }
}

function sentence({ issues: [issue] }: z.ZodError): string {
  return issue === undefined || issue.path.length === 0
    ? 'the body must be an object'
    : `${issue.path.join('.')} ${issue.message}`
}
