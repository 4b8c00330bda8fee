import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { collect } from '../../../functions/collector/collect.ts'
import { Unavailable } from '../../../functions/core/platform/unavailable.ts'
import { redriveDeadLetters } from '../../../lib/cli/operations/dead-letters.ts'
import { aRefused } from '../../support/requests.ts'
import { jsonOf } from './local-system.ts'
import { startStores } from './stores.ts'

const TEXT = '{"user_id":"u42",  "prompt":"é\\u00e9"}'

let stores: Awaited<ReturnType<typeof startStores>>
beforeAll(async () => {
  stores = await startStores()
}, 60_000)
afterAll(() => stores.close())
afterEach(() => stores.removeDeadLetters())

const sluice = (line: string) => stores.at('2026-11-23T10:16:00.000Z')(line)
const json = jsonOf(sluice)

describe('dead-letters: a message of an input queue that the intake has refused', () => {
  it('a refused message of an input queue is listed by its queue and message id, with the code of the refusal', async () => {
    await collect(stores.ports, [aRefused('m-4')])

    expect(await json('dead-letters list')).toEqual([
      {
        id: 'input:nightly:m-4',
        request_id: null,
        model: null,
        reason: 'quota_exceeded',
        attempts: 0,
        at: '2026-11-23T10:15:00.000Z',
      },
    ])
  })

  it('a refused message of an input queue is shown with the answer of the intake', async () => {
    await collect(stores.ports, [aRefused('m-3', TEXT)])

    expect(await json('dead-letters show input:nightly:m-3')).toMatchObject({
      id: 'input:nightly:m-3',
      reason: 'quota_exceeded',
      message: { queue: 'nightly', body: { inline: TEXT }, refusal: { code: 'quota_exceeded' } },
    })
    expect((await sluice('dead-letters show input:nightly:m-3')).out).toContain('"code": "quota_exceeded"')
  })

  it('a refused message of an input queue is sent to its input queue again unchanged by redrive, and its dead letter is deleted', async () => {
    await collect(stores.ports, [aRefused('m-5', TEXT)])

    const ran = await sluice('dead-letters redrive input:nightly:m-5')

    expect(ran).toEqual({ code: 0, out: 'input:nightly:m-5 is sent to nightly again.\n', err: '' })
    expect(await stores.inputTexts()).toEqual([TEXT])
    expect(await json('dead-letters list')).toEqual([])
  })

  it('a refused message of an input queue is read from the payload store and sent again by redrive if it is large', async () => {
    const { input, ...event } = aRefused('m-6')
    await stores.store('inputs/nightly/m-6.json', TEXT)
    await collect(stores.ports, [{ ...event, input: { ...input, body: { key: 'inputs/nightly/m-6.json' } } }])

    expect(await json('dead-letters redrive --all')).toEqual({
      redriven: [{ id: 'input:nightly:m-6', queue: 'nightly' }],
      refused: [],
    })
    expect(await stores.inputTexts()).toEqual([TEXT])
  })

  it.each([
    ['if its queue is gone', { queue: 'retired' }, 'pipeline.yaml no longer has its input retired'],
    ['if its message is no longer kept', { body: { key: 'gone' } }, 'its message is no longer kept'],
  ])('a refused message of an input queue stays a dead letter, and is not redriven, %s', async (_, fields, reason) => {
    const { input, ...event } = aRefused('m-7')
    await collect(stores.ports, [{ ...event, input: { ...input, ...fields } }])

    const { code, err } = await sluice('dead-letters redrive --all')

    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(`${reason}: it can only be discarded`) })
    expect(await json('dead-letters list')).toHaveLength(1)
  })

  it('a refused message of an input queue stays a dead letter if redrive could not send it', async () => {
    await collect(stores.ports, [aRefused('m-8')])
    const sendInput = () => Promise.reject(new Unavailable('the queue', 'down'))

    const { refused } = await redriveDeadLetters({ ...stores.admin, sendInput }, { all: true })

    expect(refused).toEqual([{ id: 'input:nightly:m-8', reason: 'the queue is unavailable: down' }])
    expect(await json('dead-letters list')).toHaveLength(1)
  })

  it('a refused message of an input queue can be discarded', async () => {
    await collect(stores.ports, [aRefused('m-9')])

    expect((await sluice('dead-letters discard input:nightly:m-9')).code).toBe(0)
    expect(await json('dead-letters list')).toEqual([])
    expect(await stores.inputTexts()).toEqual([])
  })
})
