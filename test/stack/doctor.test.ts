import { expect, test } from 'vitest'
import { ENGINE_VERSION } from '../../lib/cli/doctor/account.ts'
import { needsOf } from '../../lib/cli/doctor/concurrency.ts'
import { parsePipeline } from '../../lib/config/load.ts'
import { ofType, only } from './queries.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const WITH_INPUTS_AND_BATCH = PIPELINE.replace('queue: {', 'inputs: [{ queue: a }, { queue: b }]\nqueue: {').replace(
  'concurrency: 10',
  'concurrency: { high: 1, normal: 10 }\n    batch: { count: 10, period: 1s }',
)

test.each([
  ['two models', PIPELINE],
  ['inputs and a batch', WITH_INPUTS_AND_BATCH],
])(
  'sluice doctor counts as many concurrent executions as the event source mappings of the stack may use, with %s',
  (_, text) => {
    const most = ofType(synthesizeText(text).template, 'AWS::Lambda::EventSourceMapping').map(({ Properties }) =>
      Number((Properties.ScalingConfig as { MaximumConcurrency: number }).MaximumConcurrency),
    )

    const needs = needsOf(parsePipeline(text, {}, 'test.yaml'))

    expect(needs).toMatchObject({
      mappings: most.length,
      least: 2 * most.length,
      most: most.reduce((sum, each) => sum + each, 0),
    })
  },
)

test('sluice doctor checks that AWS offers the version of PostgreSQL that the stack creates', () => {
  const { Properties } = only(synthesizeText(PIPELINE).template, 'AWS::RDS::DBCluster')

  expect(Properties.EngineVersion).toBe(ENGINE_VERSION)
})
