import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { beforeEach, describe, expect, it } from 'vitest'
import { examineTracing } from '../../../lib/cli/doctor/tracing.ts'
import { mockClient } from '../../support/mock-client.ts'

const logs = mockClient(CloudWatchLogsClient)
beforeEach(() => logs.reset())

describe('doctor: tracing with endpoint xray', () => {
  it('`doctor` accepts an account whose CloudWatch is set to store spans', async () => {
    logs.on(DescribeLogGroupsCommand, { logGroupNamePrefix: 'aws/spans' }).resolves({
      logGroups: [{ logGroupName: 'aws/spans' }],
    })

    expect(await examineTracing({ endpoint: 'xray', sample: 0.1 })).toMatchObject([{ check: 'tracing', state: 'ok' }])
  })

  it('`doctor` says which setting to turn on if the account refuses spans', async () => {
    logs.on(DescribeLogGroupsCommand).resolves({ logGroups: [{ logGroupName: 'aws/spans-of-others' }] })

    expect(await examineTracing({ endpoint: 'xray' })).toMatchObject([
      { state: 'failed', todo: expect.stringContaining('update-trace-segment-destination') },
    ])
  })

  it.each([false, undefined, { endpoint: 'https://collector.example/v1/traces' }])(
    '`doctor` makes no check if tracing is %j, since only X-Ray depends on settings of the account',
    async tracing => {
      expect(await examineTracing(tracing)).toEqual([])
      expect(logs.calls()).toEqual([])
    },
  )
})
