import { boundedPromptTokens, minimumTokens } from '../core/domain/estimate.ts'
import { batchBody } from '../core/inference/batch.ts'
import { MappingError } from '../core/inference/mapping.ts'
import type { ModelAnswer, ModelFailure, Reply } from '../core/inference/port.ts'
import { isFailedCall } from '../core/platform/unavailable.ts'
import type { WorkerPorts } from './ports.ts'
import { describeReply, describeTarget, type Probed, type ProbeEvent } from './probe-report.ts'
import { readResult } from './read-result.ts'
import type { Settings } from './settings.ts'

type Ports = Pick<WorkerPorts, 'mappings' | 'endpoint' | 'judge' | 'clock'> & {
  readonly settings: Pick<Settings, 'batched' | 'endpoint'>
}

/**
 * Calls the model once, as for a request with this body, and returns everything that Sluice reads from the answer. It
 * claims, stores and charges nothing. It asks for no permit, because an operator wants to test the model also while its
 * calls are stopped.
 */
export async function probeModel(ports: Ports, { probe }: ProbeEvent): Promise<Probed> {
  const { endpoint, settings, clock } = ports
  const { body, request_id } = probe
  const to = describeTarget(settings.endpoint)
  let sent: unknown
  try {
    sent = await bodyOf(ports, probe)
    await endpoint.prepare()
    const startedAt = clock()
    const reply = await endpoint.call(settings.batched ? undefined : request_id, sent)
    const tookMs = clock() - startedAt
    const came = reply.kind === 'answered' ? { came: describeReply(reply) } : {}
    return { to, sent, took_ms: tookMs, ...came, ...(await outcomeOf(ports, body, await verdictOn(ports, reply))) }
  } catch (error) {
    if (error instanceof MappingError) return { to, failure: notSent('mapping_failed', error.message) }
    if (isFailedCall(error)) return { to, sent, failure: notSent('unavailable', error.message) }
    throw error
  }
}

async function bodyOf({ mappings, settings }: Ports, { body, request_id }: ProbeEvent['probe']): Promise<unknown> {
  const mapped = await mappings.request({ body, user_id: 'probe', request_id, attempt: 1 })
  return settings.batched ? batchBody([mapped]) : mapped
}

const notSent = (code: ModelFailure['code'], message: string): Probed['failure'] => ({
  verdict: 'drop',
  code,
  message,
  reached: false,
})

async function verdictOn({ judge, settings }: Ports, reply: Reply): Promise<ModelAnswer> {
  if (!settings.batched) return judge.call(reply)
  const outputs = await judge.batch(reply, 1)
  if (!outputs.ok) return outputs
  const [output] = outputs.outputs
  if (!output) throw new Error('there is an output for the input')
  return output
}

async function outcomeOf(
  { mappings }: Ports,
  body: Record<string, unknown>,
  answer: ModelAnswer,
): Promise<Omit<Probed, 'to'>> {
  if (!answer.ok) {
    const { verdict, reached } = answer
    return {
      failure: told(answer),
      charged: { requests: reached && verdict !== 'halt' ? 1 : 0, tokens: 0 },
    }
  }
  const read = await readResult(mappings, answer)
  const { usage } = read
  if (!read.ok) return { failure: told(read.failure), charged: { requests: 1, tokens: usage?.total_tokens ?? 0 } }
  const { result, bytes } = read
  return {
    result,
    usage,
    charged: { requests: 1, ...(usage ? { tokens: usage.total_tokens } : minimum(body, bytes)) },
  }
}

const told = ({ verdict, code, message, reached, status, detail }: ModelFailure): Probed['failure'] => ({
  verdict,
  code,
  message,
  reached,
  status,
  detail,
})

/**
 * Returns the minimum charge for a result whose usage the model has not reported. Only a request that bounds its output
 * has a minimum charge, which is computed from the lengths of its prompt and of the result.
 */
function minimum(body: Record<string, unknown>, bytes: number): { at_least?: number } {
  const bounded = boundedPromptTokens(body)
  return bounded === undefined ? {} : { at_least: minimumTokens(bounded, bytes) }
}
