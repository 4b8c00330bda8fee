import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { declare } from '../../../../functions/broker/declare.ts'
import type { BrokerPorts, Declared } from '../../../../functions/broker/ports.ts'
import { Defect, Unavailable } from '../../../../functions/core/platform/unavailable.ts'

const Away = new Unavailable('the queue', new Error('getaddrinfo ENOTFOUND'))

/**
 * Declares the queues on a broker that fails once with each of these errors, and then accepts the declaration. The invocation
 * of the function has 60 s. `former` has the properties of the CloudFormation resource before the update.
 */
async function declareWith(errors: Error[], type = 'Create', former: Record<string, unknown> = {}) {
  let now = 0
  const declared: Declared[] = []
  const ports = {
    declare: async topology => {
      const error = errors.shift()
      if (error) throw error
      declared.push(topology)
    },
    clock: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
    logger: { warn: () => {}, error: () => {} },
  } as Partial<BrokerPorts> as BrokerPorts
  const ResourceProperties = {
    Queues: [{ Name: 'shop-results', DeadLetters: 'shop-results-dlq' }],
    Requests: 'prompts',
  }
  const event = {
    RequestType: type,
    ResourceProperties,
    OldResourceProperties: former,
  } as unknown as CloudFormationCustomResourceEvent
  return { answer: await declare(ports, event, 60_000), declared, now }
}

describe('the declaration of queues on the RabbitMQ broker, as a CloudFormation resource', () => {
  it('creates the queues of the template', async () => {
    const { answer, declared } = await declareWith([])

    expect(answer).toEqual({ Status: 'SUCCESS' })
    expect(declared).toEqual([
      { queues: [{ name: 'shop-results', dead_letters: 'shop-results-dlq' }], requests: 'prompts' },
    ])
  })

  it.each([
    ['unbinds the input queue that was the first input before the update', { Requests: 'nightly' }, 'nightly'],
    ['does not unbind an input queue that stays the first input', { Requests: 'prompts' }, undefined],
    ['unbinds nothing if there was no input before the update', {}, undefined],
  ])('%s', async (_, former, unbind) => {
    const { declared } = await declareWith([], 'Update', former)

    expect(declared).toEqual([{ queues: expect.anything(), requests: 'prompts', unbind }])
  })

  it('the declaration is repeated from its beginning while the broker can’t be reached, as is usual for a new broker', async () => {
    const { answer, declared } = await declareWith([Away, Away, Away])

    expect(answer).toEqual({ Status: 'SUCCESS' })
    expect(declared).toHaveLength(1)
  })

  it('the declaration fails with a reason before the invocation ends, if the broker can’t be reached all the time', async () => {
    const { answer, now } = await declareWith(Array(100).fill(Away))

    expect(answer).toEqual({ Status: 'FAILED', Reason: expect.stringMatching(/^the broker can't be reached: /) })
    expect(now).toBeLessThan(60_000)
  })

  it('the declaration fails at once on an error that a repetition can’t fix, and gives the reason', async () => {
    const { answer, now } = await declareWith([new Defect('the broker', new Error('the queue x is there already'))])

    expect(answer).toEqual({ Status: 'FAILED', Reason: 'the queue x is there already' })
    expect(now).toBe(0)
  })

  it('succeeds without a call of the broker when the resource is deleted, so the queues stay', async () => {
    expect(await declareWith([Away], 'Delete')).toMatchObject({ answer: { Status: 'SUCCESS' }, declared: [] })
  })
})
