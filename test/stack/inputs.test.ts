import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Settings } from '../../functions/core/admission/settings.ts'
import { Env } from '../../functions/intake/env.ts'
import { functionOf, grantsOf, ofType, only, queueOf, render, requiredOf, variablesOf } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const LONGEST = 'n'.repeat(76)
const { template, settings } = synthesizeText(
  `${PIPELINE}\ninputs: [{ queue: nightly-prompts }, { queue: nightly_prompts }, { queue: ${LONGEST} }]\n`,
)
const without = synthesizeText(`${PIPELINE}\ninputs: []\n`).template
const intake = functionOf(template, 'intake')

const NAMES = ['nightly-prompts', 'nightly_prompts', LONGEST]
const arnOf = (queue: string) => ({ 'Fn::GetAtt': [queueOf(template, queue).id, 'Arn'] })

describe('a stack without inputs', () => {
  it('has neither a function nor a queue for inputs', () => {
    expect(() => functionOf(without, 'intake')).toThrow('no function')
    expect(ofType(without, 'AWS::SQS::Queue')).toHaveLength(7)
    expect(Object.keys(without.Outputs).filter(name => name.startsWith('Input'))).toEqual([])
  })
})

describe('an input of pipeline.yaml', () => {
  it.each(NAMES)(
    '%s is a queue of exactly this name, and the intake takes the messages of this queue and of its dead-letter queue',
    name => {
      for (const [queue, atOnce] of [
        [name, 10],
        [`${name}-dlq`, 2],
      ] as const) {
        const mapping = only(template, 'AWS::Lambda::EventSourceMapping', { EventSourceArn: arnOf(queue) }).Properties
        expect(mapping).toMatchObject({
          FunctionName: { Ref: intake.id },
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          BatchSize: 10,
          ScalingConfig: { MaximumConcurrency: atOnce },
        })
      }
    },
  )

  it('the queue of an input, like its dead-letter queue, keeps messages for 14 days, encrypted, and accepts them over TLS only', () => {
    for (const name of NAMES.flatMap(queue => [queue, `${queue}-dlq`])) {
      const queue = queueOf(template, name)
      expect(queue.Properties).toMatchObject({ MessageRetentionPeriod: 1_209_600, SqsManagedSseEnabled: true })
      const policy = only(template, 'AWS::SQS::QueuePolicy', { Queues: [{ Ref: queue.id }] })
      expect(JSON.stringify(policy.Properties)).toContain('"aws:SecureTransport":"false"')
    }
  })

  it('the queue of an input hides a received message for longer than the intake runs, and moves it to the dead-letter queue after 1,000 receives', () => {
    expect(intake.Properties.Timeout).toBe(29)
    expect(queueOf(template, 'nightly-prompts').Properties).toMatchObject({
      VisibilityTimeout: 59,
      RedrivePolicy: { deadLetterTargetArn: arnOf('nightly-prompts-dlq'), maxReceiveCount: 1000 },
    })
  })

  it('an input has an alarm on its queue and an alarm on its dead-letter queue', () => {
    const watched = ofType(template, 'AWS::CloudWatch::Alarm').map(({ Properties }) => JSON.stringify(Properties))
    for (const name of ['nightly-prompts', 'nightly-prompts-dlq'])
      expect(watched).toContainEqual(expect.stringContaining(queueOf(template, name).id))
  })

  it('the outputs of the stack have the URL of an input’s queue, for senders, and its ARN, for policies', () => {
    expect(template.Outputs.InputQueueUrl1).toEqual({
      Description: 'Of the input nightly-prompts.',
      Value: { Ref: queueOf(template, 'nightly-prompts').id },
    })
    expect(template.Outputs.InputQueueArn2?.Value).toEqual(arnOf('nightly_prompts'))
    expect(Object.keys(template.Outputs).filter(name => name.startsWith('Input'))).toHaveLength(6)
  })
})

describe('the intake', () => {
  const each = (actions: string[], resources: string[]) =>
    actions.flatMap(action => resources.map(name => `${action} <${name}.Arn>`))

  it('has exactly the rights that it needs', () => {
    const inputs = NAMES.flatMap(name => [name, `${name}-dlq`]).map(name => render(arnOf(name)).slice(1, -5))
    const models = ['text', 'image'].flatMap(model => [`Model${model}HighQueue`, `Model${model}NormalQueue`])
    expect(grantsOf(template, intake)).toEqual(
      [
        ...each(['logs:CreateLogStream', 'logs:PutLogEvents'], ['IntakeFunctionLogs']),
        ...each(
          ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
          ['StateTablesRequests', 'StateTablesQuota'],
        ),
        ...each(['dynamodb:GetItem'], ['StateTablesUsers']),
        ...each(['sqs:SendMessage'], [...models, 'ResultsWorkQueue']),
        ...each(
          ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'],
          inputs,
        ),
        's3:DeleteObject <StatePayloadsBucket.Arn>/*',
        's3:PutObject <StatePayloadsBucket.Arn>/*',
      ].sort(),
    )
  })

  it('the intake gets exactly the environment variables that it reads, and the gateway’s part of pipeline.yaml without waits and the OpenAI API', () => {
    expect(Object.keys(variablesOf(intake)).sort()).toEqual(requiredOf(Env))
    const { waiting, openai, ...admission } = settings(functionOf(template, 'gateway').id) as Record<string, unknown>
    expect([waiting, openai]).not.toContain(undefined)
    expect(Settings.parse(settings(intake.id))).toEqual(admission)
  })

  it('an alarm watches the failures of the intake, and names a chapter of the runbook', () => {
    const alarm = ofType(template, 'AWS::CloudWatch::Alarm').find(({ id }) => id.startsWith('IntakeComesAgainAlarm'))
    const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8')
    expect(alarm?.Properties.AlarmDescription).toContain('docs/runbook.md#inputs-are-not-taken')
    expect(runbook).toContain('## Inputs are not taken')
  })

  it('the dashboard has the diagram "Inputs: waiting" only if the pipeline has inputs', () => {
    const { DashboardBody } = only(template, 'AWS::CloudWatch::Dashboard').Properties
    expect(JSON.stringify(DashboardBody)).toContain('Inputs: waiting')
    expect(JSON.stringify(only(without, 'AWS::CloudWatch::Dashboard').Properties)).not.toContain('Inputs: waiting')
  })
})
