import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ofType, only, render } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const { template } = synthesizeText(PIPELINE)

interface MetricStat {
  readonly Metric: {
    readonly MetricName: string
    readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[]
  }
  readonly Period: number
  readonly Stat: string
}
interface Query {
  readonly Id: string
  readonly Expression?: string
  readonly MetricStat?: MetricStat
}

const describeMetric = ({ Metric: { MetricName, Dimensions }, Stat }: MetricStat): string =>
  `${Dimensions.toSorted((a, b) => b.Name.localeCompare(a.Name))
    .map(({ Value }) => render(Value))
    .join(' ')}: ${Stat} ${MetricName}`

describe('alarms', () => {
  const alarms = ofType(template, 'AWS::CloudWatch::Alarm').map(({ Properties }) => Properties)
  const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8')

  const alarmOf = (id: string) => {
    const alarm = ofType(template, 'AWS::CloudWatch::Alarm').find(found => found.id.startsWith(id))
    if (!alarm) throw new Error(`there is no alarm ${id}`)
    return alarm.Properties
  }

  /** The metric expression of an alarm, in which each metric's id is replaced by a description of the metric. */
  const formulaOf = (id: string) => {
    const metrics = alarmOf(id).Metrics as Query[]
    const reads = new Map(metrics.map(({ Id, MetricStat }) => [Id, MetricStat && describeMetric(MetricStat)]))
    const formula = metrics.find(({ Expression }) => Expression)?.Expression ?? ''
    return formula.replaceAll(/\b[a-z]+\b/g, name => reads.get(name) ?? name)
  }

  it('the alarm of a dead-letter queue counts both the messages that wait in the queue and those that a function has just received from it', () => {
    for (const [id, queue] of [
      ['ResultsDeadLettersAlarm', 'ResultsDeadLettersQueue'],
      ['ResultsGivenUpAlarm', 'ResultsGivenUpQueue'],
    ] as const)
      expect(formulaOf(id)).toBe(
        `MAX([FILL(<${queue}.QueueName>: Maximum ApproximateNumberOfMessagesVisible, 0), FILL(<${queue}.QueueName>: Sum NumberOfMessagesReceived, 0)])`,
      )
  })

  it('the alarm on calls without a valid key reads API Gateway’s access log, since only this log has all of these calls', () => {
    const { LogGroupName, FilterPattern, MetricTransformations } = only(template, 'AWS::Logs::MetricFilter').Properties
    const alarm = alarmOf('FrontDoorRefusedCallsAlarm')
    const { AccessLogSettings } = only(template, 'AWS::ApiGatewayV2::Stage').Properties as {
      AccessLogSettings: { DestinationArn: unknown; Format: string }
    }

    expect(render(AccessLogSettings.DestinationArn)).toBe(`${render(LogGroupName).slice(0, -1)}.Arn>`)
    // The status in the access log is a text. A filter that compares it with a number would match no line.
    expect(JSON.parse(AccessLogSettings.Format)).toMatchObject({ status: '$context.status' })
    expect(FilterPattern).toBe('{ ($.status = "401") || ($.status = "403") }')
    expect(MetricTransformations).toEqual([
      { MetricName: 'RefusedCalls-Shop-1', MetricNamespace: alarm.Namespace, MetricValue: '1' },
    ])
    expect(alarm).toMatchObject({ MetricName: 'RefusedCalls-Shop-1', Statistic: 'Sum', Threshold: 3_000, Period: 300 })
  })

  it.each([
    ['ResultsComesAgainAlarm', '<ResultsCollectorLambda>', 'Shop-1-collector', { Threshold: 1, EvaluationPeriods: 3 }],
    [
      'ModelimageWorkerAlarm',
      '<ModelimageWorkerLambda>',
      'Shop-1-worker-image',
      { Threshold: 3, EvaluationPeriods: 3 },
    ],
  ])(
    'the alarm %s counts a function’s failed invocations and the messages that it returns to their queue',
    (id, lambda, service, rule) => {
      expect(formulaOf(id)).toBe(`FILL(${lambda}: Sum Errors, 0) + FILL(${service}: Sum ReturnedMessages, 0)`)
      expect(alarmOf(id)).toMatchObject(rule)
    },
  )

  it('the period of the alarm on waiting requests is longer than the longest deferral (15 minutes), so each waiting request is measured in each period', () => {
    const { Threshold, Metrics } = alarmOf('ModeltextWaitingAlarm')
    const age = (priority: string) =>
      `FILL(<Modeltext${priority}Queue.QueueName>: Maximum ApproximateAgeOfOldestMessage, 0)`
    expect(formulaOf('ModeltextWaitingAlarm')).toBe(
      `MAX([${age('High')}, ${age('Normal')}, 14400 - FILL(Shop-1-worker-text: Minimum TimeLeft, 14400)])`,
    )
    expect(Threshold).toBe(7_200)
    for (const { MetricStat } of Metrics as Query[]) if (MetricStat) expect(MetricStat.Period).toBeGreaterThan(900)
  })

  it('an alarm counts the calls of the authorizer, the gateway and the reader that Lambda refuses (throttles), since clients wait for these functions', () => {
    const refused = ['AuthorizerFunction', 'GatewayFunction', 'ReaderFunction'].map(
      name => `FILL(<${name}Lambda>: Sum Throttles, 0)`,
    )
    expect(formulaOf('FrontDoorThrottlesAlarm')).toBe(refused.join(' + '))
    expect(alarmOf('FrontDoorThrottlesAlarm')).toMatchObject({ Threshold: 1, EvaluationPeriods: 1 })
  })

  it('one alarm and one metric watch the defects of all functions', () => {
    expect(alarmOf('DefectsAlarm')).toMatchObject({
      MetricName: 'Defects',
      Dimensions: [{ Name: 'service', Value: 'Shop-1' }],
      Statistic: 'Sum',
      Threshold: 1,
      EvaluationPeriods: 1,
    })
  })

  it('the alarm on a model’s failed requests is raised if at least 3 requests, and at least half of all requests, fail', () => {
    const failed = 'FILL(Shop-1-collector text: Sum FailedRequests, 0)'
    expect(formulaOf('ModeltextFailuresAlarm')).toBe(
      `IF(${failed} >= 3 AND ${failed} >= FILL(Shop-1-collector text: Sum CompletedRequests, 0), ${failed}, 0)`,
    )
  })

  it('only alarms of this account may publish to the alarm topic, and only over TLS', () => {
    const { PolicyDocument } = only(template, 'AWS::SNS::TopicPolicy').Properties
    expect(PolicyDocument).toMatchObject({
      Statement: [
        {
          Effect: 'Deny',
          Action: 'sns:Publish',
          Principal: '*',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
        {
          Effect: 'Allow',
          Action: 'sns:Publish',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Resource: { Ref: only(template, 'AWS::SNS::Topic').id },
          Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        },
      ],
    })
  })

  it.each(['ResultsOldestAlarm', 'ResultsComesAgainAlarm', 'SweeperErrorsAlarm'])(
    'the description of the alarm %s says what it means for clients or users, and what to do first',
    id => {
      expect(alarmOf(id).AlarmDescription).toMatch(/\b(clients|users)\b.* First, .+ Runbook: /)
    },
  )

  it('each alarm notifies the alarm topic, and names an existing chapter of the runbook', () => {
    const chapters = [...runbook.matchAll(/^## (.*)$/gm)].map(([, title]) =>
      String(title)
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    )
    const topic = { Ref: only(template, 'AWS::SNS::Topic').id }
    for (const { AlarmDescription, AlarmActions, TreatMissingData } of alarms) {
      const [, anchor] = /Runbook: docs\/runbook\.md#([\w-]+)$/.exec(String(AlarmDescription)) ?? []
      expect(chapters).toContain(anchor)
      expect(AlarmActions).toEqual([topic])
      expect(TreatMissingData).toBe('notBreaching')
    }
  })
})
