import type { Finding } from './finding.ts'
import type { Pipeline } from './schema.ts'

/** Refuses valid features that Sluice does not have yet. A pipeline that asks for one is never run without it. */
export function findUnsupported({ observability }: Pipeline): Finding[] {
  const findings: Finding[] = []
  if (observability.tracing) {
    const message = "can't be true yet: tracing is not in effect"
    findings.push({ path: ['observability', 'tracing'], message })
  }
  return findings
}
