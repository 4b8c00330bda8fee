import { describe, expect, test } from 'vitest'
import type { Template } from '../../lib/local/assembly.ts'
import { createStack } from '../../lib/local/stack.ts'

/**
 * Creates the resources of a template. The creation of a resource only returns its properties. Returns the outputs and the order of
 * creation.
 */
async function createSmall(template: {
  Resources?: object
  Outputs?: object
  Conditions?: object
  Parameters?: object
}) {
  const order: string[] = []
  const resources = Object.entries(template.Resources ?? {}).map(([id, declaration]) => [
    id,
    { Type: 'Thing', Properties: {}, DependsOn: [], ...declaration },
  ])
  const outputs = await createStack({
    stackName: 'Small',
    template: {
      Parameters: {},
      Conditions: {},
      Outputs: {},
      ...template,
      Resources: Object.fromEntries(resources),
    } as Template,
    async create({ logicalId, properties }) {
      const made = await properties()
      order.push(logicalId)
      return { ref: `ref of ${logicalId}`, attribute: name => (name in made ? String(made[name]) : undefined) }
    },
    localize: text => text.replace('far', 'near'),
  })
  return { outputs, order }
}

const output = async (Value: unknown, rest: object = {}) =>
  (await createSmall({ ...rest, Outputs: { It: { Value } } })).outputs.It

const Resources = { Queue: { Properties: { Arn: 'arn:queue', 'Nested.Name': 'deep' } } }

describe('the intrinsic functions of a template (Ref, Fn::Sub …)', () => {
  test.for([
    [{ Ref: 'Queue' }, 'ref of Queue'],
    [{ Ref: 'AWS::Region' }, 'us-east-1'],
    [{ Ref: 'AWS::StackName' }, 'Small'],
    [{ 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:queue'],
    [{ 'Fn::GetAtt': ['Queue', 'Nested.Name'] }, 'deep'],
    [{ 'Fn::GetAtt': 'Queue.Nested.Name' }, 'deep'],
    [{ 'Fn::Join': ['-', ['a', { Ref: 'Queue' }, 3]] }, 'a-ref of Queue-3'],
    [{ 'Fn::Select': ['1', ['a', 'b']] }, 'b'],
    [{ 'Fn::Select': [2, { 'Fn::Split': [':', 'a:b:c'] }] }, 'c'],
    [{ 'Fn::Select': [0, { 'Fn::GetAZs': '' }] }, 'us-east-1a'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
    [{ 'Fn::Sub': '${Queue}/${Queue.Arn}/${!Literal}' }, 'ref of Queue/arn:queue/${Literal}'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
    [{ 'Fn::Sub': ['${Mine}', { Mine: { Ref: 'Queue' } }] }, 'ref of Queue'],
    ['so far', 'so near'],
  ])('the intrinsic function %j gives the value %j', async ([value, expected]) => {
    expect(await output(value, { Resources })).toBe(expected)
  })

  test('a condition of a template decides which value Fn::If gives, and which resources and outputs exist', async () => {
    const Conditions = {
      Here: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] },
      There: { 'Fn::Not': [{ Condition: 'Here' }] },
      Either: { 'Fn::Or': [{ Condition: 'Here' }, { Condition: 'There' }] },
      Both: { 'Fn::And': [{ Condition: 'Here' }, { Condition: 'There' }] },
    }
    const { outputs, order } = await createSmall({
      Conditions,
      Resources: { Wanted: { Condition: 'Either' }, Unwanted: { Condition: 'Both' } },
      Outputs: { Value: { Value: { 'Fn::If': ['There', 'no', 'yes'] } }, None: { Condition: 'There', Value: 'x' } },
    })

    expect(outputs).toEqual({ Value: 'yes' })
    expect(order).toEqual(['Wanted'])
  })

  test('a property whose value is AWS::NoValue is removed', async () => {
    const Properties = { Gone: { Ref: 'AWS::NoValue' }, Kept: 1 }
    await expect(output({ 'Fn::GetAtt': ['It', 'Gone'] }, { Resources: { It: { Properties } } })).rejects.toThrow(
      'It.Gone',
    )
  })

  test.for([
    [{ 'Fn::Cidr': ['10.0.0.0/16', 6, 8] }, 'Queue: Fn::Cidr is not supported by the local system.'],
    [{ 'Fn::GetAtt': ['Other', 'Color'] }, 'Queue: Fn::GetAtt Other.Color is not supported by the local system.'],
    [{ Ref: 'AWS::NotificationARNs' }, 'Queue: AWS::NotificationARNs is not supported by the local system.'],
    [{ Ref: 'Nowhere' }, "Queue: refers to Nowhere, which the template doesn't have."],
  ])(
    'an unknown or wrong intrinsic function is refused, with the name of its resource: %j',
    async ([value, message]) => {
      const Resources = { Queue: { Properties: { deep: [{ inside: value }] } }, Other: {} }
      await expect(createSmall({ Resources })).rejects.toThrow(message as string)
    },
  )
})

describe('the resources of a template', () => {
  test('are created after the resources that they refer to', async () => {
    const { order } = await createSmall({
      Resources: {
        Mapping: { Properties: { Queue: { Ref: 'Queue' } }, DependsOn: ['Policy'] },
        Policy: { Properties: { Queue: { Ref: 'Queue' } } },
        Queue: { Properties: { DeadLetters: { Ref: 'DeadLetters' } } },
        DeadLetters: {},
      },
    })

    expect(order).toEqual(['DeadLetters', 'Queue', 'Policy', 'Mapping'])
  })

  test('the resources of a template are refused if they refer to each other in a circle', async () => {
    const Resources = { A: { Properties: { b: { Ref: 'B' } } }, B: { DependsOn: ['A'] } }
    await expect(createSmall({ Resources })).rejects.toThrow('A → B → A: a circular reference.')
  })
})
