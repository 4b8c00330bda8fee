import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { largestPipeline } from './pipelines.ts'
import { PLANTED } from './planted.ts'
import { faultsOf } from './rules.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const read = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8')

describe('a template of the stack', () => {
  it.each([
    ['of the pipeline of the repository', read('../../pipeline.yaml')],
    ['of six models of all kinds', read('fixtures/six-models.yaml')],
    ['of the rich pipeline', read('fixtures/rich.yaml')],
    ['of the largest pipeline that is allowed', largestPipeline()],
  ])('%s has no fault that AWS would refuse', (_, text) => {
    expect(faultsOf(synthesizeText(text).template)).toEqual([])
  })
})

describe('an error that the test adds to a template', () => {
  const { template } = synthesizeText(PIPELINE)

  it.each(PLANTED.filter(({ by }) => by === 'ours'))('is found: $error', ({ plant }) => {
    expect(faultsOf(template)).toEqual([])
    expect(faultsOf(plant(template))).not.toEqual([])
  })
})
