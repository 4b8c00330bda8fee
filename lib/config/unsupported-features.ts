import type { Finding } from './finding.ts'
import type { Pipeline } from './schema.ts'

/** What a pipeline asks for that is valid but not in effect yet: it is refused, never ignored. */
export function findNotYet({ queue, observability }: Pipeline): Finding[] {
  const findings: Finding[] = []
  if (queue.backend === 'rabbitmq') {
    const message = "can't be rabbitmq yet: that is not in effect; it must be sqs"
    findings.push({ path: ['queue', 'backend'], message })
  }
  if (observability.tracing) {
    const message = "can't be true yet: tracing is not in effect"
    findings.push({ path: ['observability', 'tracing'], message })
  }
  return findings
}
