import { describe, expect, it } from 'vitest'
import { Policies } from '../../functions/core/flow-control/policies.ts'
import { functionOf, ofType, only, outputOf, render, variablesOf } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const IMAGE = 'concurrency: { high: 40, normal: 7 }'
const { template } = synthesizeText(
  PIPELINE.replace(
    IMAGE,
    `${IMAGE}\n    rate_limit: { count: 20, interval: 2s }\n    circuit: { failures: 3, open: 20m }`,
  ),
)

describe('the models of a pipeline', () => {
  it('are in the outputs of the stack, with the models table and the protection of each model (rate limit and circuit)', () => {
    const models = JSON.parse(render(template.Outputs.Models?.Value))

    expect(Object.keys(models)).toEqual(['text', 'image'])
    expect(Policies.parse(models.text)).toEqual({})
    expect(Policies.parse(models.image)).toEqual({
      rate_limit: { count: 20, interval_ms: 2_000 },
      circuit: { failures: 3, within_ms: 60_000, open_ms: 1_200_000 },
    })
    expect(template.Outputs.ModelsTable?.Value).toEqual(variablesOf(functionOf(template, 'worker-text')).MODELS_TABLE)
    expect(outputOf(template, 'ModelsTable').Type).toBe('AWS::DynamoDB::GlobalTable')
  })

  it('the alarm on a model’s open circuit has such a long period that one outage raises the alarm only once', () => {
    const { Properties: alarm } = only(template, 'AWS::CloudWatch::Alarm', { MetricName: 'CircuitOpened' })

    expect(alarm).toMatchObject({
      Namespace: 'Shop',
      Dimensions: [{ Name: 'service', Value: 'Shop-1-worker-image' }],
      Statistic: 'Sum',
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    })
    expect(alarm.Period).toBeGreaterThan(20 * 60)
    expect(alarm.AlarmDescription).toMatch(
      /^The circuit of image is open.* Runbook: docs\/runbook\.md#a-circuit-is-open$/,
    )
  })

  it('each model, with or without a circuit, has a separate alarm on a halt (after an error that no retry fixes, such as a wrong key)', () => {
    const alarms = ofType(template, 'AWS::CloudWatch::Alarm')
      .map(({ Properties }) => Properties)
      .filter(({ MetricName }) => MetricName === 'ModelHalted')

    expect(alarms).toHaveLength(2)
    for (const alarm of alarms) {
      expect(alarm).toMatchObject({ Statistic: 'Sum', Threshold: 1 })
      expect(alarm.AlarmDescription).toMatch(
        /^The model (text|image) is halted: .* Runbook: docs\/runbook\.md#a-model-is-halted$/,
      )
    }
  })

  it('the dashboard has diagrams for each model of the pipeline', () => {
    const [dashboard] = ofType(template, 'AWS::CloudWatch::Dashboard')
    const body = JSON.stringify(dashboard?.Properties.DashboardBody)

    for (const model of ['text', 'image'])
      for (const title of ['waiting', 'oldest', 'ended', 'workers', 'calls', 'deferred', 'circuit and pauses'])
        expect(body).toContain(`${model}: ${title}`)
    for (const metric of [
      'DeferredByHalt',
      'DeferredByConcurrency',
      'ModelHalted',
      'DeferredByCircuit',
      'DeferredByPause',
      'DeferredByRateLimit',
      'RetriedRequests',
      'UnreadableUsage',
    ])
      expect(body).toContain(metric)
  })
})

describe('a model with an address of this machine', () => {
  const pipelineAt = (url: string, batch = '') =>
    PIPELINE.replace('http://text.example.com/predict', url).replace('concurrency: 10', `concurrency: 10\n${batch}`)
  const warningsFor = (url: string, batch?: string) =>
    synthesizeText(pipelineAt(url, batch), { forDeployment: true }).warnings

  it.each(['http://127.0.0.1:8081/predict', 'http://localhost/', 'https://[::1]:1/', 'http://127.1/'])(
    'causes a warning, since nothing answers at this address after a deployment: %s',
    url => {
      expect(warningsFor(url)).toEqual([expect.stringContaining(`models.text is called at ${url}`)])
    },
  )

  it('a deployment warns of an address of this machine also if only batch.url has it', () => {
    const batch = '    batch: { count: 5, period: 1s, url: "http://localhost:9/batch" }'
    expect(warningsFor('https://127.example.com/', batch)).toEqual([
      expect.stringContaining('http://localhost:9/batch'),
    ])
  })

  it('the local system does not warn of an address of this machine, since it can reach this address', () => {
    expect(synthesizeText(pipelineAt('http://127.0.0.1:8081/predict')).warnings).toEqual([])
  })

  it('a URL that only has "localhost" in its path causes no warning', () => {
    expect(warningsFor('http://10.0.0.1/localhost')).toEqual([])
  })
})
