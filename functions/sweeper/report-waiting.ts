import type { WatchedQueue, WatchPorts } from './ports.ts'

/**
 * Publishes as a metric how many messages wait in each watched queue. If a queue can't be read, it has no value now,
 * and the next run tries again. A sweep never fails because of this, because closing reservations is more important.
 */
export async function reportWaiting({ watched, countMessages, metrics, logger }: WatchPorts): Promise<void> {
  const results = await Promise.allSettled(
    watched.map(async queue => {
      const waiting = await waitingIn(queue, countMessages)
      metrics.add('WaitingMessages', waiting, undefined, queue.name)
    }),
  )
  const failed = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  if (failed.length > 0)
    logger.warn('waiting messages could not be counted; the next run counts them', {
      queues: failed.length,
      error: failed[0],
    })
}

async function waitingIn({ parts }: WatchedQueue, countMessages: WatchPorts['countMessages']): Promise<number> {
  const counts = await Promise.all(parts.map(countMessages))
  return counts.reduce((sum, count) => sum + count, 0)
}
