import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs'
import * as z from 'zod'
import { type Check, examine, failed, ok } from './check.ts'

const NAME = 'tracing'

/** `observability.tracing` of a pipeline that sends its traces to AWS's own endpoint. */
const Xray = z.object({ endpoint: z.literal('xray') })

/** CloudWatch's Transaction Search keeps spans in this log group. Without this log group, AWS's endpoint refuses all spans. */
const SPANS = 'aws/spans'

const TODO =
  'turn on Transaction Search in CloudWatch once for this account and region: `aws xray update-trace-segment-destination --destination CloudWatchLogs`'

/**
 * Checks that the account has what `endpoint: xray` needs. Makes no check if the pipeline sends its traces to another endpoint or has no
 * traces.
 */
export async function examineTracing(tracing: unknown): Promise<Check[]> {
  if (!Xray.safeParse(tracing).success) return []
  const check = await examine(NAME, async () => {
    const query = new DescribeLogGroupsCommand({ logGroupNamePrefix: SPANS })
    const { logGroups = [] } = await new CloudWatchLogsClient().send(query)
    return logGroups.some(({ logGroupName }) => logGroupName === SPANS)
      ? ok(NAME, `X-Ray takes the spans of this account: the log group ${SPANS} is there`)
      : failed(NAME, `X-Ray refuses the spans of this account: there is no log group ${SPANS}`, TODO)
  })
  return [check]
}
