import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { loadPipeline } from '../../../lib/config/load.ts'

const FILES = ['docs/from-benthos/pipeline.yaml', 'docs/from-benthos/rabbitmq.yaml']
const page = readFileSync('docs/from-benthos.md', 'utf8')
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text)

it('each YAML example of docs/from-benthos.md is a part of a pipeline file in docs/from-benthos/, word for word', () => {
  const files = FILES.map(file => readFileSync(file, 'utf8'))

  expect(examples.length).toBeGreaterThanOrEqual(11)
  expect(examples.filter(example => !files.some(file => file.includes(`\n${example}`)))).toEqual([])
})

it.each(FILES)('%s is a valid pipeline without any variable', file => {
  expect(Object.keys(loadPipeline(file, {}).models)).toEqual(['text', 'image', 'general'])
})

it('the two pipeline files in docs/from-benthos/ differ only in their queue backend', () => {
  const [onSqs, onRabbitMq] = FILES.map(file => loadPipeline(file, {}))

  expect(onRabbitMq).toEqual({ ...onSqs, queue: { ...onSqs?.queue, backend: 'rabbitmq' } })
})
