import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import * as z from 'zod'
import { insist } from '../core/platform/insist.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { BrokerPorts } from './ports.ts'

/** The properties of the custom resource. */
const Properties = z.object({
  Queues: z.array(z.object({ Name: z.string(), DeadLetters: z.string().optional() })),
  Requests: z.string().optional(),
})

export type Answer = { Status: 'SUCCESS' } | { Status: 'FAILED'; Reason: string }

/**
 * Declares the queues of the stack. A queue that the stack no longer has is not deleted, because messages may wait in
 * it. For the same reason, the deletion of the custom resource does nothing. A new broker can't be reached until its
 * name is known in the VPC. So the function tries again until `giveUpAt` (epoch milliseconds). If it failed at once,
 * CloudFormation would roll the deployment back, and delete the broker.
 */
export async function declare(
  ports: BrokerPorts,
  event: CloudFormationCustomResourceEvent,
  giveUpAt: number,
): Promise<Answer> {
  if (event.RequestType === 'Delete') return { Status: 'SUCCESS' }
  try {
    const { Queues, Requests } = Properties.parse(event.ResourceProperties)
    const queues = Queues.map(({ Name, DeadLetters }) => ({ name: Name, dead_letters: DeadLetters }))
    // If a declaration stops in the middle, it is repeated as a whole. Queues that exist already are not changed.
    await insist(ports, giveUpAt, () =>
      ports.declare({ queues, requests: Requests, unbind: formerRequests(event, Requests) }),
    )
    return { Status: 'SUCCESS' }
  } catch (error) {
    ports.logger.error('the queues could not be declared', { error: error as Error })
    return { Status: 'FAILED', Reason: reasonOf(error) }
  }
}

/**
 * Returns the input queue that the previous deployment has bound to the routing key `requests`, if this deployment
 * binds another queue or none. Returns undefined otherwise.
 */
function formerRequests(event: CloudFormationCustomResourceEvent, requests: string | undefined): string | undefined {
  if (event.RequestType !== 'Update') return undefined
  const former = Properties.pick({ Requests: true }).safeParse(event.OldResourceProperties).data?.Requests
  return former === requests ? undefined : former
}

function reasonOf(error: unknown): string {
  if (error instanceof Unavailable) return `the broker can't be reached: ${error.message}`
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return cause instanceof Error ? cause.message : String(cause)
}
