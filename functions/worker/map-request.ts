import { boundedPromptTokens } from '../core/domain/estimate.ts'
import { MappingError } from '../core/inference/mapping.ts'
import { inTurn } from '../core/platform/serialize.ts'
import { checkOut } from '../core/stores/payloads/port.ts'
import { hasTimeForCall, type Mapped } from './call-model.ts'
import { claimRequest, lookFirst } from './claim-request.ts'
import type { Member } from './plan-batch.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { conclude, failedFor } from './publish-outcome.ts'
import type { Claimed } from './types.ts'

export interface Fetched extends Claimed {
  readonly body: Record<string, unknown>
}

/** Claims the request of a message, as `claimRequest` does, with its body at hand. */
export async function fetchAndClaim(
  ports: WorkerPorts,
  member: Member,
  invocation: Invocation,
): Promise<Fetched | undefined> {
  // Before the claim, since it may fail; after the permit, since what has to wait needs no body.
  const body = await bodyOf(ports, member)
  if (!body) return undefined
  const claimed = await claimRequest(ports, member, invocation)
  return claimed && { ...claimed, body }
}

/**
 * The body of a message; undefined if its request wants no call any more. The body of one that was cancelled or has expired is
 * deleted, which S3 may answer with 403: so before a body that can't be read is an error, the request is looked at.
 */
async function bodyOf(ports: WorkerPorts, member: Member): Promise<Record<string, unknown> | undefined> {
  try {
    return (await checkOut(ports.payloads, member.message.body)) as Record<string, unknown>
  } catch (error) {
    if (await lookFirst(ports, member)) throw error
    return undefined
  }
}

/** What a prompt that is meant to may take of a mapping: its bound, and what its thread needs to start. Milliseconds. */
const LONGEST_MAPPING_MS = 2_500

/** Runs tasks one after the other, as long as that leaves an invocation the time for a call; then answers with undefined. */
export type InTime = <T>(task: () => Promise<T>) => Promise<T | undefined>

export function whileTimeFor(ports: WorkerPorts, invocation: Invocation): InTime {
  const oneByOne = inTurn()
  return task =>
    oneByOne(async () => (hasTimeForCall(ports, invocation, LONGEST_MAPPING_MS) ? await task() : undefined))
}

/** Maps a claimed request, or ends it if it can't be; `late` takes it when there is no time left to. */
export async function mapRequest(
  ports: WorkerPorts,
  { body, ...claimed }: Fetched,
  inTime: InTime,
  late: (claimed: Claimed) => Promise<void>,
): Promise<Mapped | undefined> {
  const { user_id, request_id, attempt } = claimed.item
  const now = ports.clock()
  try {
    const toSend = await inTime(() => ports.mappings.request({ body, user_id, request_id, attempt }))
    if (toSend !== undefined) return { ...claimed, toSend, bounded: boundedPromptTokens(body) }
  } catch (error) {
    if (!(error instanceof MappingError)) throw error
    const failure = { code: 'mapping_failed', message: error.message, reached: false } as const
    await conclude(ports, claimed.message, failedFor(claimed, failure, { started_at: now, completed_at: now }))
    return undefined
  }
  await late(claimed)
  return undefined
}
