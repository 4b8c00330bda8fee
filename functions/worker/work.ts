import type { SQSRecord } from 'aws-lambda'
import { type InferenceMessage, readInferenceMessage } from '../core/domain/messages.ts'
import { inTurn } from '../core/platform/serialize.ts'
import { readRecord } from '../core/platform/sqs-records.ts'
import { hasTimeForCall } from './call-model.ts'
import { reportUnreadable, sendNow } from './defer.ts'
import { type Job, plan, type Received } from './plan-batch.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { runTogether } from './process-call.ts'

/** Deals with the messages of one invocation, and answers with those that have to come again. Never rejects. */
export async function work(
  ports: WorkerPorts,
  records: readonly SQSRecord[],
  invocation: Invocation,
): Promise<SQSRecord[]> {
  const read = records.map(record => ({ record, found: readRecord(readInferenceMessage, record, ports.logger) }))
  // A newer worker takes it; this one neither runs it nor makes a dead letter of it.
  const ofNewerVersion = read.flatMap(({ record, found }) => (found.kind === 'unknown type' ? [record] : []))
  const received = read.flatMap(({ record, found }): Received[] => {
    if (found.kind === 'unknown type') return []
    return [{ record, message: found.kind === 'message' ? found.message : undefined }]
  })
  countTimeLeft(
    ports,
    received.flatMap(({ message }) => (message ? [message] : [])),
  )
  const jobs = plan(received, ports.settings.batched)
  const perform = (job: Job) => performJob(ports, job, invocation)
  // Calls at the same time are what `concurrency` says: with batches, one an invocation.
  const isInTurn = ports.settings.batched || jobs.some(isAlone)
  const oneByOne = inTurn()
  const again = jobs.map(job => (isInTurn ? oneByOne(() => perform(job)) : perform(job)))
  return [...ofNewerVersion, ...(await Promise.all(again)).flat()]
}

const isAlone = (job: Job): boolean => job.act === 'run' && job.members.some(member => member.isAlone)

/**
 * How long the request nearest to its deadline has left. Its queue can't tell how old a request is: one that is put back is
 * a new message.
 */
function countTimeLeft({ metrics, clock }: WorkerPorts, messages: readonly InferenceMessage[]): void {
  if (messages.length === 0) return
  const left = Math.min(...messages.map(({ deadline }) => deadline)) - clock()
  metrics.addMetric('TimeLeft', 'Seconds', Math.max(0, left / 1_000))
}

async function performJob(ports: WorkerPorts, job: Job, invocation: Invocation): Promise<SQSRecord[]> {
  if (job.act === 'run') return run(ports, job.members, invocation)
  try {
    await (job.act === 'report' ? reportUnreadable(ports, job.record) : sendNow(ports, job.message))
    return []
  } catch (error) {
    ports.logger.error(COMES_AGAIN, { error: error as Error })
    return [job.record]
  }
}

const COMES_AGAIN = 'a message was not dealt with and comes again'

async function run(
  ports: WorkerPorts,
  members: (Job & { act: 'run' })['members'],
  invocation: Invocation,
): Promise<SQSRecord[]> {
  // Earlier calls of the same invocation may have left no time for this one.
  if (!hasTimeForCall(ports, invocation))
    return (
      await Promise.all(members.map(member => performJob(ports, { act: 'postpone', ...member }, invocation)))
    ).flat()
  const undone = await runTogether(ports, members, invocation)
  return undone.map(({ member, error }) => {
    const { request_id } = member.message
    ports.logger.error(COMES_AGAIN, { request_id, error: error as Error })
    return member.record
  })
}
