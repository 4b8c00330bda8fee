import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ACCEPTED,
  quotaWriteUnits,
  RATE_LIMITED,
  READ_COMPLETED,
  READ_QUEUED,
  RECORDED,
  SETTLED,
  type StepCalls,
  WORKED,
} from '../../../lib/cost/calls.ts'
import { countRequest, type RequestCalls, unitsOf } from '../../bench/calls.ts'
import { type Engines, startEngines } from '../../bench/engines.ts'
import { countProtection } from '../../bench/protection.ts'
import type { Call } from '../../bench/recorder.ts'

/*
 * The bill of `sluice cost` multiplies prices with the calls of a request. These tests hold its numbers equal to what the
 * benchmark counts, so a change that adds or saves a call changes the bill, too.
 */

const SENDS = ['SendMessage', 'SendMessageBatch']
const READS = ['GetItem', 'Query']
const WRITES = ['PutItem', 'UpdateItem']

const counted = (calls: readonly Call[], names: readonly string[]): number =>
  calls.filter(({ name }) => names.includes(name)).length

/** A step's calls, as the bill has them. */
const stepOf = (calls: readonly Call[], quotaWrites: number): StepCalls => ({
  sends: counted(calls, SENDS),
  statements: counted(calls, ['ExecuteStatement']),
  reads: unitsOf(calls, READS),
  item_writes: unitsOf(calls, WRITES) - quotaWrites,
  quota_writes: quotaWrites,
})

describe('the calls of a request that the bill counts', () => {
  let engines: Engines
  let request: RequestCalls
  beforeAll(async () => {
    engines = await startEngines()
    request = await countRequest(engines)
  }, 180_000)
  afterAll(() => engines.close())

  it('are those that the benchmark counts, step by step', () => {
    expect({
      accepted: stepOf(request.accepted, 1),
      worked: stepOf(request.worked, 0),
      recorded: stepOf(request.recorded, 0),
      settled: stepOf(request.settled, 1),
      readQueued: stepOf(request.readQueued, 0),
      readCompleted: stepOf(request.readCompleted, 0),
    }).toEqual({
      accepted: ACCEPTED,
      worked: WORKED,
      recorded: RECORDED,
      settled: SETTLED,
      readQueued: READ_QUEUED,
      readCompleted: READ_COMPLETED,
    })
  })

  it('pay for a quota item by its size: with each reservation that is open in it', () => {
    const measured = [...request.acceptedBeside].map(([open, calls]) => [open + 1, unitsOf(calls, ['UpdateItem'])])

    expect(measured).toEqual([
      [11, 1],
      [51, 4],
      [100, 7],
    ])
    expect(measured).toEqual(measured.map(([open = 0]) => [open, quotaWriteUnits(open)]))
  })

  it('are more for a model with a rate limit', async () => {
    const protection = await countProtection(engines)
    const plain = protection.get('closed circuit') ?? []
    const limited = protection.get('rate limit, called at once') ?? []
    const more = (names: readonly string[]) => unitsOf(limited, names) - unitsOf(plain, names)

    expect({ reads: more(READS), writes: more(WRITES) }).toEqual(RATE_LIMITED)
  })
})
