import { describe, expect, it } from 'vitest'
import { functionOf, ofType } from './queries.ts'
import { PIPELINE, synthesizeText, type Template } from './synthesized.ts'

/**
 * CloudFormation updates resources in any order that their dependencies allow. A message of the new version must not reach a
 * consumer of the old version, which may be unable to read it. So each function is updated after the functions that receive its
 * messages.
 */

const { template } = synthesizeText(`${PIPELINE}inputs:\n  - { queue: orders }\n`)

/** The logical ids of all resources on which a resource depends, by references or by `DependsOn`, directly or indirectly. */
function dependenciesOf({ Resources }: Template, id: string, seen = new Set<string>()): ReadonlySet<string> {
  for (const other of Object.keys(Resources)) {
    const { DependsOn = [], ...rest } = Resources[id] ?? { DependsOn: [] }
    const refers = JSON.stringify(rest)
    const isNamed = refers.includes(`{"Ref":"${other}"}`) || refers.includes(`{"Fn::GetAtt":["${other}",`)
    if (other === id || seen.has(other) || !(isNamed || DependsOn.includes(other))) continue
    seen.add(other)
    dependenciesOf({ Resources, Outputs: {} }, other, seen)
  }
  return seen
}

const WORKERS = ['worker-text', 'worker-image']

describe('an update of the stack', () => {
  it.each([
    { producer: 'worker-text', consumers: ['collector'] },
    { producer: 'worker-image', consumers: ['collector'] },
    { producer: 'reader', consumers: ['collector'] },
    { producer: 'sweeper', consumers: ['collector'] },
    { producer: 'gateway', consumers: ['collector', 'sweeper', ...WORKERS] },
    { producer: 'intake', consumers: ['collector', 'sweeper', ...WORKERS] },
  ])('changes $producer after $consumers, so these functions can read its new messages', ({ producer, consumers }) => {
    const before = dependenciesOf(template, functionOf(template, producer).id)
    expect([...before]).toEqual(expect.arrayContaining(consumers.map(name => functionOf(template, name).id)))
  })

  it('an update changes the collector after the migrations, so the collector never writes to a column that does not exist yet', () => {
    const [migrations] = ofType(template, 'Custom::LedgerMigrations')
    expect(dependenciesOf(template, functionOf(template, 'collector').id)).toContain(migrations?.id)
  })

  it('an order of the update is possible: no resource depends on itself, directly or indirectly', () => {
    for (const id of Object.keys(template.Resources)) {
      const before = [...dependenciesOf(template, id)]
      const circle = before.filter(other => dependenciesOf(template, other).has(id))
      expect(circle, `${id} waits for itself`).toEqual([])
    }
  })
})
