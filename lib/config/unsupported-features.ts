import type { Finding } from './finding.ts'
import type { Pipeline } from './schema.ts'

/** Refuses valid features that Sluice does not have yet. A pipeline that asks for one is never run without it. */
export function findUnsupported({ queue }: Pipeline): Finding[] {
  const findings: Finding[] = []
  if (queue.backend === 'rabbitmq') {
    const message = "can't be rabbitmq yet: that is not in effect; it must be sqs"
    findings.push({ path: ['queue', 'backend'], message })
  }
  return findings
}
