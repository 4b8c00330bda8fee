import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { loadPipeline } from '../../../lib/config/load.ts'

const FILE = 'docs/from-benthos/pipeline.yaml'
const page = readFileSync('docs/from-benthos.md', 'utf8')
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text)

it('docs/from-benthos.md shows parts of the file that a test runs, word for word', () => {
  const file = readFileSync(FILE, 'utf8')

  expect(examples.length).toBeGreaterThanOrEqual(10)
  expect(examples.filter(example => !file.includes(`\n${example}`))).toEqual([])
})

it('docs/from-benthos/pipeline.yaml starts as it is', () => {
  expect(Object.keys(loadPipeline(FILE, {}).models)).toEqual(['text', 'image', 'general'])
})
