import { BACKEND_NAMES } from '../../config/queue-schema.ts'
import type { Pipeline } from '../../config/schema.ts'
import { type OpenPorts, openRequests } from '../operations/open-requests.ts'
import type { OperatorsQueues } from '../queues.ts'
import type { Target } from '../target.ts'
import { type Check, examine, failed, ok } from './check.ts'

const NAME = 'queues'

type Ports = OpenPorts & Pick<OperatorsQueues, 'messagesLeft'>

/**
 * If the pipeline file has another backend than the system, a deployment deletes the present queues. Then this checks
 * that nothing is lost: the queues must be empty, and all requests must have ended. Returns no check if the backend stays
 * the same.
 */
export async function examineMoving(
  admin: Ports,
  { BrokerFunction }: Pick<Target['outputs'], 'BrokerFunction'>,
  pipeline: Pipeline | undefined,
): Promise<Check[]> {
  const from = BrokerFunction === undefined ? 'sqs' : 'rabbitmq'
  if (!pipeline || pipeline.queue.backend === from) return []
  const moves = `pipeline.yaml moves from ${BACKEND_NAMES[from]} to ${BACKEND_NAMES[pipeline.queue.backend]}`
  return [await examine(NAME, () => moving(admin, moves, pipeline))]
}

async function moving(admin: Ports, moves: string, { inputs = [] }: Pipeline): Promise<Check> {
  const open = (await openRequests(admin)).length
  const left = await admin.messagesLeft(inputs.map(({ queue }) => queue))
  const found = [
    ...(open > 0 ? [`${open} ${open === 1 ? 'request has' : 'requests have'} not ended`] : []),
    ...Object.entries(left).map(([queue, count]) => `${queue} has ${count} ${count === 1 ? 'message' : 'messages'}`),
  ]
  if (found.length === 0) return ok(NAME, `${moves}, and nothing is left in the queues`)
  const todo = 'stop the posts and wait before you deploy it: docs/queues.md#moving-from-one-backend-to-the-other'
  return failed(NAME, `${moves}, and ${found.join(', ')}`, todo)
}
