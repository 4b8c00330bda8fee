import type { WatchedQueue, WatchPorts } from './ports.ts'

/**
 * Publishes how many messages wait in each watched queue. A queue that can't be asked has no value then, and the next run asks it again:
 * a sweep never fails for it.
 */
export async function reportWaiting({ watched, countMessages, metrics, logger }: WatchPorts): Promise<void> {
  const results = await Promise.allSettled(
    watched.map(async queue => {
      const waiting = await waitingIn(queue, countMessages)
      metrics.singleMetric().addDimension('queue', queue.name).addMetric('WaitingMessages', 'Count', waiting)
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
