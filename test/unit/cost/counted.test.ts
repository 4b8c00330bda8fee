import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ACCEPTED,
  MAPPING_CALLS,
  quotaWriteUnits,
  RATE_LIMITED,
  READ_COMPLETED,
  READ_QUEUED,
  SETTLED,
  type StepCalls,
  WORKED,
} from '../../../lib/cost/calls.ts'
import { bytesOf, countRequest, type RequestCalls, unitsOf } from '../../bench/calls.ts'
import { type Engines, startEngines } from '../../bench/engines.ts'
import { countProtection } from '../../bench/protection.ts'
import { type Call, tally } from '../../bench/recorder.ts'

/**
 * The bill of `sluice cost` multiplies prices with the number of AWS calls per request. These tests compare the bill's
 * numbers with the calls that the benchmark counts. So a change of the code that adds or saves a call must change the bill.
 */

const SENDS = ['SendMessage', 'SendMessageBatch']
const READS = ['GetItem', 'Query']
const WRITES = ['PutItem', 'UpdateItem']

const counted = (calls: readonly Call[], names: readonly string[]): number =>
  calls.filter(({ name }) => names.includes(name)).length

/** The calls of a step, in the form of the bill. */
const stepOf = (calls: readonly Call[], quotaWrites: number): StepCalls => ({
  sends: counted(calls, SENDS),
  statements: counted(calls, ['ExecuteStatement']),
  reads: unitsOf(calls, READS),
  item_writes: unitsOf(calls, WRITES) - quotaWrites,
  quota_writes: quotaWrites,
})

describe('the AWS calls per request in the bill', () => {
  let engines: Engines
  let request: RequestCalls
  beforeAll(async () => {
    engines = await startEngines()
    request = await countRequest(engines)
  }, 180_000)
  afterAll(() => engines.close())

  it('the AWS calls per request are the calls that the benchmark counts, step by step', () => {
    expect({
      accepted: stepOf(request.accepted, 1),
      worked: stepOf(request.worked, 0),
      settled: stepOf(request.settled, 1),
      readQueued: stepOf(request.readQueued, 0),
      readCompleted: stepOf(request.readCompleted, 0),
    }).toEqual({
      accepted: ACCEPTED,
      worked: WORKED,
      settled: SETTLED,
      readQueued: READ_QUEUED,
      readCompleted: READ_COMPLETED,
    })
  })

  // Each call and each sent kilobyte costs money and CPU time. So this test fails if a change adds a call, or exceeds the
  // bytes of a step.
  it.each([
    ['authorized', '2 GetItem', 2, 260],
    ['authorizedAgain', '', 0, 0],
    ['accepted', 'PutItem, SendMessage, UpdateItem', 2, 2_850],
    ['worked', 'GetItem, SendMessage, UpdateItem', 2, 1_850],
    ['settled', '2 UpdateItem, ExecuteStatement', 2, 9_200],
    ['readQueued', 'GetItem', 1, 200],
    ['readCompleted', 'ExecuteStatement, GetItem', 1, 600],
    ['rejected', 'UpdateItem', 0, 1_550],
  ] as const)('the AWS calls per request are these for the step %s: %s', (step, calls, units, bytes) => {
    expect(tally(request[step])).toBe(calls)
    expect(unitsOf(request[step])).toBe(units)
    expect(bytesOf(request[step])).toBeLessThanOrEqual(bytes)
  })

  it('the AWS calls per request are 13 from the admission to the settlement of a single request', () => {
    const own = [request.accepted, request.worked, request.settled].flat().length

    expect(own + 2 * MAPPING_CALLS).toBe(13)
  })

  it('a POST to the OpenAI API makes the same AWS calls as a POST to /v1/inference, and five more if it waits: four for the wait lease (its right to wait), and one read', () => {
    const tallies = new Map([...request.posted].map(([way, calls]) => [way, tally(calls)]))

    expect(tallies).toEqual(
      new Map([
        ['/v1/inference', 'PutItem, SendMessage, UpdateItem'],
        ['/v1/responses, background', 'PutItem, SendMessage, UpdateItem'],
        ...['/v1/responses', '/v1/chat/completions', '/v1/completions', '/v1/embeddings'].map(
          (way): [string, string] => [way, '5 UpdateItem, GetItem, PutItem, SendMessage'],
        ),
      ]),
    )
  })

  it('a request that the quota refuses causes one AWS call, with each API', () => {
    expect(new Set([...request.refused.values()].map(tally))).toEqual(new Set(['UpdateItem']))
    expect(request.refused.size).toBe(request.posted.size)
  })

  it('the AWS calls per request have more write units for a larger quota item, which grows with each open reservation of its user', () => {
    const measured = [...request.acceptedBeside].map(([open, calls]) => [open + 1, unitsOf(calls, ['UpdateItem'])])

    expect(measured).toEqual([
      [11, 1],
      [51, 4],
      [100, 7],
    ])
    expect(measured).toEqual(measured.map(([open = 0]) => [open, quotaWriteUnits(open)]))
  })

  it('a request of a model with a rate limit causes more AWS calls', async () => {
    const protection = await countProtection(engines)
    const plain = protection.get('closed circuit') ?? []
    const limited = protection.get('rate limit, called at once') ?? []
    const more = (names: readonly string[]) => unitsOf(limited, names) - unitsOf(plain, names)

    expect({ reads: more(READS), writes: more(WRITES) }).toEqual(RATE_LIMITED)
  })
})
