import {
  type EventSourceMappingConfiguration,
  LambdaClient,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda'
import { Unavailable } from '../../../functions/core/platform/unavailable.ts'
import type { OperatorsQueues } from '../queues.ts'
import { attempt, type Check, examine, failed, ok, oneLine } from './check.ts'

/** At most this many names are shown. */
const MOST_SHOWN = 5

/**
 * Checks the broker of a system with RabbitMQ. A function asks the broker, since only functions can reach it. Returns no
 * check with SQS.
 */
export async function examineBroker({ missingQueues }: Pick<OperatorsQueues, 'missingQueues'>): Promise<Check[]> {
  return missingQueues ? [await attempt('broker', () => reach(missingQueues))] : []
}

async function reach(find: () => Promise<readonly string[]>): Promise<Check> {
  try {
    const missing = await find()
    if (missing.length === 0)
      return ok('broker', 'it answers, and has all queues of the models, the results and the inputs')
    const todo =
      'deploy a change of the queues, such as one more of `queue.rabbitmq.consumers`: it declares all that are missing'
    return failed('broker', `it has no queue ${shown(missing)}`, todo)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    const { message } = error.cause instanceof Error ? error.cause : error
    const todo = 'look at it in the console of Amazon MQ, and at its alarms: docs/runbook.md#the-broker-is-full'
    return failed('broker', `the function of the broker can't use it: ${oneLine(message)}`, todo)
  }
}

/** Checks the event source mappings of the broker, in the stack to which the function `brokerFunction` belongs. */
export const examineMappings = (brokerFunction: string): Promise<Check> =>
  examine('mappings', async () => {
    const client = new LambdaClient()
    const [own] = await mappings(client, { FunctionName: brokerFunction })
    const all = own ? await mappings(client, { EventSourceArn: own.EventSourceArn }) : []
    if (all.length === 0) return failed('mappings', 'the broker has none', 'deploy again: the stack contains some')
    const wrong = all.filter(hasProblem)
    if (wrong.length === 0) return ok('mappings', `${all.length} take messages of the broker`)
    const todo = 'docs/runbook.md#messages-are-not-taken explains the reason'
    return failed('mappings', `${wrong.length} of ${all.length} have a problem: ${shown(wrong.map(described))}`, todo)
  })

async function mappings(
  client: LambdaClient,
  of: { FunctionName?: string; EventSourceArn?: string | undefined },
): Promise<EventSourceMappingConfiguration[]> {
  const found: EventSourceMappingConfiguration[] = []
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client }, of))
    found.push(...EventSourceMappings)
  return found
}

/** Returns whether a mapping takes no messages. An enabled mapping may also have a problem, which Lambda then reports. */
const hasProblem = ({ State, LastProcessingResult = '' }: EventSourceMappingConfiguration): boolean =>
  (State !== 'Enabled' && State !== 'Updating') || LastProcessingResult.startsWith('PROBLEM')

const described = ({ Queues, State, LastProcessingResult }: EventSourceMappingConfiguration): string =>
  `${Queues?.join() ?? 'one'} (${State}, ${oneLine(LastProcessingResult ?? 'without a reason')})`

const shown = (names: readonly string[]): string =>
  names.length > MOST_SHOWN
    ? `${names.slice(0, MOST_SHOWN).join(', ')} and ${names.length - MOST_SHOWN} more`
    : names.join(', ')
