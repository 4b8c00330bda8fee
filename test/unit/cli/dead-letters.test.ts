import { createHash } from 'node:crypto'
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { collect } from '../../../functions/collector/collect.ts'
import { fingerprintOf as ownFingerprintOf } from '../../../functions/core/admission/fingerprint.ts'
import { unreadableEvent } from '../../../functions/core/domain/events.ts'
import type { RequestItem } from '../../../functions/core/domain/item.ts'
import { Unavailable } from '../../../functions/core/platform/unavailable.ts'
import { redriveDeadLetters } from '../../../lib/cli/operations/dead-letters.ts'
import { NOW } from '../../support/clock.ts'
import { aMessage, anItem, newUser } from '../../support/requests.ts'
import { jsonOf } from './local-system.ts'
import { startStores } from './stores.ts'

const LATER = NOW + 60_000

let stores: Awaited<ReturnType<typeof startStores>>
beforeAll(async () => {
  stores = await startStores()
}, 60_000)
afterAll(() => stores.close())
afterEach(async () => {
  await stores.removeDeadLetters()
  await stores.inferenceMessages()
})

const sluice = (line: string) => stores.at(new Date(LATER).toISOString())(line)
const json = jsonOf(sluice)
const lettersLeft = async () =>
  (await json('dead-letters list')).map((letter: { request_id: string }) => letter.request_id)

/** The fingerprint that version 0.1.0 computed: the hash of the body as it was posted, without sorting its fields. */
const fingerprintOf = (body: unknown) => createHash('sha256').update(JSON.stringify(body)).digest('hex')

/** A request of an existing user. */
async function request(fields: Partial<RequestItem> = {}): Promise<RequestItem> {
  const item = anItem({ user_id: newUser(), ...fields })
  await stores.admin.access.replaceUser(undefined, { user_id: item.user_id, plan: 'free', overrides: {} })
  return item
}

async function failed(fields: Partial<RequestItem> = {}): Promise<RequestItem> {
  const item = await request(fields)
  await stores.fail(await stores.admit(item))
  return item
}

/** A request that ended without a worker. Its dead letter has no message. */
async function givenUp(fields: Partial<RequestItem> = {}): Promise<RequestItem> {
  const item = await request(fields)
  await stores.giveUp(await stores.admit(item))
  return item
}

async function unreadable(id: string): Promise<void> {
  await collect(stores.ports, [unreadableEvent(id, '{"prompt', NOW)])
}

describe('dead-letters list', () => {
  it('`dead-letters list` prints exactly request, model, reason, attempts and time as JSON', async () => {
    const item = await failed()

    expect(await json('dead-letters list')).toEqual([
      {
        request_id: item.request_id,
        model: 'text',
        reason: 'model_error',
        attempts: 1,
        at: '2026-11-23T10:15:00.000Z',
      },
    ])
  })

  it('`dead-letters list` lists an unreadable message by the message’s own id', async () => {
    await unreadable('m-1')

    expect(await json('dead-letters list')).toEqual([
      {
        id: 'message:m-1',
        request_id: null,
        model: null,
        reason: 'unreadable',
        attempts: 0,
        at: '2026-11-23T10:15:00.000Z',
      },
    ])
    expect((await sluice('dead-letters list')).out).toBe(
      ['DEAD LETTER  AGE  MODEL  ATTEMPTS  REASON', 'message:m-1  60s         0         unreadable', ''].join('\n'),
    )
  })

  it('`dead-letters list` lists only the dead letters of the given model', async () => {
    await failed()
    const other = await failed({ model: 'image' })

    expect(await json('dead-letters list --model image')).toMatchObject([{ request_id: other.request_id }])
    expect(await json('dead-letters list --model none')).toEqual([])
  })

  it('`dead-letters list` lists all dead letters, even if they do not fit into one page of the ledger', async () => {
    await collect(
      stores.ports,
      Array.from({ length: 501 }, (_, i) => unreadableEvent(`many-${i}`, '?', NOW + i)),
    )

    const listed: { id: string }[] = await json('dead-letters list')

    expect(listed).toHaveLength(501)
    expect(listed.map(({ id }) => id).slice(-2)).toEqual(['message:many-499', 'message:many-500'])
  })
})

describe('dead-letters show', () => {
  it('`dead-letters show` prints the message of the request that failed', async () => {
    const item = await failed()

    expect((await sluice(`dead-letters show ${item.request_id}`)).out).toMatch(
      /^dead letter +\S+\nmodel +text\nreason +model_error\nerror +it answered 500\nattempts +1\nat +2026-11-23T10:15:00.000Z\n\nmessage:\n\{\n/,
    )
    expect(await json(`dead-letters show ${item.request_id}`)).toMatchObject({
      request_id: item.request_id,
      message: { body: { inline: { prompt: 'hello' } } },
    })
  })

  it('`dead-letters show` accepts an id of the OpenAI API (resp_…, chatcmpl-…), as redrive and discard do', async () => {
    const [shown, redriven, discarded] = [await failed(), await failed(), await failed()]

    expect(await json(`dead-letters show resp_${shown.request_id}`)).toMatchObject({ request_id: shown.request_id })
    expect(await json(`dead-letters redrive nothing chatcmpl-${redriven.request_id}`)).toMatchObject({
      redriven: [{ request_id: redriven.request_id, run: 2 }],
      refused: [{ id: 'nothing' }],
    })
    expect(await json(`dead-letters discard resp_${discarded.request_id}`)).toMatchObject({
      discarded: [discarded.request_id],
    })
  })

  it('`dead-letters show` prints the error text that the model answered', async () => {
    const item = await request()
    const error = { code: 'model_rejected', message: 'the model refused the request with 400' }
    await stores.fail(await stores.admit(item), {
      error,
      result: { inline: { status: 400, detail: 'bad field "model_input"' } },
    })

    expect(await json(`dead-letters show ${item.request_id}`)).toMatchObject({
      error: { ...error, status: 400, detail: 'bad field "model_input"' },
    })
    expect((await sluice(`dead-letters show ${item.request_id}`)).out).toMatch(
      /\nmodel status +400\nmodel said +bad field "model_input"\n/,
    )
    expect((await sluice(`requests show ${item.request_id}`)).out).toMatch(/\nmodel said +bad field "model_input"\n/)
  })

  it('`dead-letters show` refuses a dead letter that does not exist', async () => {
    expect(await sluice('dead-letters show nothing')).toMatchObject({
      code: 1,
      err: 'error: nothing: there is no such dead letter: dead-letters list shows those that there are\n',
    })
  })
})

describe('dead-letters redrive', () => {
  it('`dead-letters redrive` sends the message of the request as a new run, and removes the dead letter', async () => {
    const item = await failed()

    const ran = await sluice(`dead-letters redrive ${item.request_id}`)

    expect(ran).toEqual({ code: 0, out: `${item.request_id} is queued again, as run 2.\n`, err: '' })
    const now = await stores.ports.items.get(item.user_id, item.request_id)
    expect(now).toMatchObject({ status: 'queued', run: 2, attempt: 0 })
    expect(await stores.inferenceMessages()).toMatchObject([
      { request_id: item.request_id, run: 2, nonce: now?.nonce, body: { inline: { prompt: 'hello' } } },
    ])
    expect(await lettersLeft()).toEqual([])
  })

  it('`dead-letters redrive` redrives all dead letters of a model with --model, and all dead letters with --all', async () => {
    const [a, b] = [await failed(), await failed()]
    const other = await failed({ model: 'image' })

    const ofModel = await json('dead-letters redrive --model text')

    expect(ofModel.redriven).toEqual(expect.arrayContaining([a, b].map(({ request_id }) => ({ request_id, run: 2 }))))
    expect(ofModel.refused).toEqual([])
    expect(await lettersLeft()).toEqual([other.request_id])
    expect(await json('dead-letters redrive --all')).toMatchObject({
      redriven: [],
      refused: [{ id: other.request_id }],
    })
  })

  it.each([
    ['', 'nothing to redrive: give ids, --model MODEL, or --all for all dead letters'],
    [' --all --model text', '--all goes without ids and without --model'],
    [' --all 019ab000-0000-7000-8000-000000000001', '--all goes without ids and without --model'],
  ])('"dead-letters redrive%s" is refused, since it does not clearly name dead letters', async (rest, sentence) => {
    const { request_id } = await failed()

    expect(await sluice(`dead-letters redrive${rest}`)).toEqual({ code: 2, out: '', err: `error: ${sentence}\n` })

    expect(await lettersLeft()).toContain(request_id)
  })

  it('`dead-letters redrive` prints each redriven request before the next one is redriven, so an operator sees after an interruption which requests run again', async () => {
    const items = await Promise.all(Array.from({ length: 11 }, () => failed()))
    const said: string[] = []
    const saidBefore: number[] = []
    const queue = { send: async () => void saidBefore.push(said.length) }

    await redriveDeadLetters({ ...stores.admin, queue }, { all: true }, redriven => {
      if ('request_id' in redriven) said.push(redriven.request_id)
    })

    expect(said.toSorted()).toEqual(items.map(({ request_id }) => request_id).toSorted())
    expect(saidBefore.at(-1)).toBe(10)
  })

  it('`dead-letters redrive` refuses a model that does not exist, unless the model has dead letters', async () => {
    const left = await failed({ model: 'retired' })

    expect(await sluice('dead-letters redrive --model txet')).toEqual({
      code: 1,
      out: '',
      err: 'error: there are no dead letters of a model txet, and no such model: the models are text, plain\n',
    })
    expect((await sluice('dead-letters redrive --model retired')).err).toContain(left.request_id)
    expect(await sluice('dead-letters redrive --model text')).toEqual({
      code: 0,
      out: 'Nothing was redriven.\n',
      err: '',
    })
  })

  it('`dead-letters redrive` redrives a large message with all its metadata', async () => {
    const metadata = { note: '😀é'.repeat(2_500) }
    const item = await request({ metadata })
    const body = { prompt: 'é'.repeat(24_000), priority: 'normal' }
    await stores.fail(await stores.admit(item), { message: aMessage(item, body) })

    await sluice(`dead-letters redrive ${item.request_id}`)

    expect(await stores.inferenceMessages()).toMatchObject([{ metadata, body: { inline: body } }])
  })

  it('`dead-letters redrive` makes a run that becomes a new dead letter if it fails, and redrives the new dead letter, too', async () => {
    const item = await failed()
    await sluice(`dead-letters redrive ${item.request_id}`)
    const queued = await stores.ports.items.get(item.user_id, item.request_id)
    if (!queued) throw new Error('the item is gone')
    await stores.fail(queued)

    expect(await lettersLeft()).toEqual([item.request_id])
    expect(await json(`dead-letters redrive ${item.request_id}`)).toEqual({
      redriven: [{ request_id: item.request_id, run: 3 }],
      refused: [],
    })
  })

  it('`dead-letters redrive` finishes an earlier redrive whose message could not be sent, without a further run', async () => {
    const item = await failed()
    const { admin } = stores
    const down = { ...admin, queue: { send: () => Promise.reject(new Unavailable('the queue', 'down')) } }

    const first = await redriveDeadLetters(down, { names: [item.request_id] })
    const second = await redriveDeadLetters(admin, { names: [item.request_id] })

    expect(first).toEqual({
      redriven: [],
      refused: [{ id: item.request_id, reason: 'the queue is unavailable: down' }],
    })
    expect(second.redriven).toEqual([{ request_id: item.request_id, run: 2 }])
    expect(await stores.inferenceMessages()).toMatchObject([{ run: 2 }])
  })

  it('`dead-letters redrive` leaves all stores in agreement once the redriven request has completed', async () => {
    const item = await failed()
    await sluice(`dead-letters redrive ${item.request_id}`)
    const queued = await stores.ports.items.get(item.user_id, item.request_id)
    if (!queued) throw new Error('the item is gone')

    await stores.finish(queued)

    expect(await json(`requests show ${item.request_id}`)).toMatchObject({ status: 'completed', run: 2 })
    expect(await json(`quota show ${item.user_id}`)).toMatchObject({ requests: { used: 1 }, tokens: { used: 7 } })
    const { out } = await stores.at(new Date(LATER + 300_000).toISOString())('reconcile')
    expect(out).toMatch(/^everything agrees/)
  })
})

describe('dead-letters redrive: a request whose dead letter has no message', () => {
  it.each([
    ['a prompt', { prompt: 'hello', priority: 'normal' }],
    ['a prompt with a model', { prompt: 'hello', model: 'text', priority: 'normal' }],
    ['a prompt with a type', { prompt: 'hello', model_type: 'text', priority: 'normal' }],
    ['a prompt with metadata', { prompt: 'hello', priority: 'normal', metadata: { b: 1, a: 2 } }],
  ])(
    'a request whose dead letter has no message is redriven with a body that is made from the row: %s',
    async (_, body) => {
      const metadata = 'metadata' in body ? body.metadata : undefined
      const item = await givenUp({ fingerprint: fingerprintOf(body), metadata })

      expect((await sluice(`dead-letters redrive ${item.request_id}`)).code).toBe(0)

      expect(await stores.inferenceMessages()).toMatchObject([
        { run: 2, fingerprint: item.fingerprint, body: { inline: body } },
      ])
    },
  )

  it('a request whose dead letter has no message is redriven with its body from the payload store if the body is there', async () => {
    const item = await request()
    const key = `requests/${item.user_id}/${item.request_id}/body.json`
    await stores.store(key, { prompt: 'a long one' })
    await stores.giveUp(await stores.admit(item, { key }))

    expect((await sluice(`dead-letters redrive ${item.request_id}`)).code).toBe(0)
    expect(await stores.inferenceMessages()).toMatchObject([{ run: 2, body: { key } }])
  })

  it('a request whose dead letter has no message is redriven as the same operation of the OpenAI API, such as chat.completions, to which its body was posted', async () => {
    const body = { model: 'text', messages: [{ role: 'user', content: 'a long one' }], prompt: 'a long one' }
    const item = await request({ fingerprint: ownFingerprintOf(body, 'chat.completions') })
    const key = `requests/${item.user_id}/${item.request_id}/body.json`
    await stores.store(key, body)
    await stores.giveUp(await stores.admit(item, { key }))

    expect((await sluice(`dead-letters redrive ${item.request_id}`)).code).toBe(0)
    expect(await stores.inferenceMessages()).toMatchObject([{ operation: 'chat.completions', body: { key } }])
  })

  it('a request whose dead letter has no message is refused if its body had more fields than the prompt, since the row in Postgres keeps only the prompt', async () => {
    const item = await givenUp({ fingerprint: fingerprintOf({ prompt: 'hello', parameters: { top_k: 3 } }) })

    expect(await sluice(`dead-letters redrive ${item.request_id}`)).toEqual({
      code: 1,
      out: 'Nothing was redriven.\n',
      err: `error: ${item.request_id}: only the prompt of its body is kept, and it had more: it has to be posted again\n`,
    })
    expect(await lettersLeft()).toEqual([item.request_id])
  })
})

describe('dead-letters redrive: refused dead letters', () => {
  it('`dead-letters redrive` refuses a request that its owner has deleted', async () => {
    const item = await failed()
    await stores.ports.items.erase(item)

    const { refused } = await json(`dead-letters redrive ${item.request_id}`)

    expect(refused).toEqual([
      { id: item.request_id, reason: 'its owner has deleted it: the dead letter can only be discarded' },
    ])
    expect(await stores.ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'failed', run: 1 })
  })

  it('`dead-letters redrive --all` refuses a request that is no longer failed, and redrives the other requests', async () => {
    const item = await failed()
    await stores.client.send(
      new UpdateItemCommand({
        TableName: 'RequestsTable',
        Key: marshall({ user_id: item.user_id, request_id: item.request_id }),
        UpdateExpression: 'SET #s = :s',
        ExpressionAttributeNames: { '#s': 'status' },
        ExpressionAttributeValues: marshall({ ':s': 'completed' }),
      }),
    )
    const other = await failed()

    const ran = await sluice('dead-letters redrive --all')

    expect(ran).toEqual({
      code: 1,
      out: `${other.request_id} is queued again, as run 2.\n`,
      err: `error: ${item.request_id}: its request is no longer failed: requests show says what it is, and the dead letter can be discarded\n`,
    })
    expect(await lettersLeft()).toEqual([item.request_id])
  })

  it.each([
    ['tokens', { tokens: 9 }, 'tokens'],
    ['requests in flight', { in_flight: 1 }, 'requests in flight'],
  ])('`dead-letters redrive` refuses a request whose user has no %s left', async (_, overrides, what) => {
    const item = await failed()
    await stores.admit(anItem({ user_id: item.user_id }))
    const { access } = stores.admin
    const user = await access.user(item.user_id)
    await access.replaceUser(user, { user_id: item.user_id, plan: 'free', overrides })

    expect((await sluice(`dead-letters redrive ${item.request_id}`)).err).toBe(
      `error: ${item.request_id}: its user ${item.user_id} has no ${what} left: raise the limit with users set ${item.user_id}, or redrive it later\n`,
    )
  })

  it('`dead-letters redrive` refuses a request of a disabled user', async () => {
    const item = await failed()
    await sluice(`users disable ${item.user_id}`)

    expect((await sluice(`dead-letters redrive ${item.request_id}`)).err).toBe(
      `error: ${item.request_id}: its user ${item.user_id} is disabled: users enable ${item.user_id} lets it run again\n`,
    )
    expect(await stores.ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'failed', run: 1 })
    await sluice(`users enable ${item.user_id}`)
    expect(await sluice(`dead-letters redrive ${item.request_id}`)).toMatchObject({ code: 0 })
  })

  it('`dead-letters redrive` refuses a request whose stored body is no longer kept', async () => {
    const item = await request()
    const body = { key: 'requests/gone/body.json' }
    await stores.fail(await stores.admit(item), { message: { ...aMessage(item), body } })

    expect((await sluice(`dead-letters redrive ${item.request_id}`)).err).toBe(
      `error: ${item.request_id}: its body is no longer kept (observability.retention.payloads): it has to be posted again\n`,
    )
    expect(await stores.ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'failed', run: 1 })
    expect(await lettersLeft()).toEqual([item.request_id])
  })

  it('`dead-letters redrive` refuses a request of a model that pipeline.yaml no longer has, since it would never run', async () => {
    const item = await failed({ model: 'retired' })

    expect((await sluice(`dead-letters redrive ${item.request_id}`)).err).toBe(
      `error: ${item.request_id}: pipeline.yaml no longer has its model retired: it can only be discarded\n`,
    )
    expect(await stores.ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'failed', run: 1 })
  })

  it('`dead-letters redrive` refuses an unreadable message', async () => {
    await unreadable('m-2')

    expect((await sluice('dead-letters redrive message:m-2')).err).toBe(
      'error: message:m-2: nobody can read it: it can only be discarded\n',
    )
  })

  it('`dead-letters redrive` refuses a dead letter that does not exist', async () => {
    expect(await sluice('dead-letters redrive 019ab000-0000-7000-8000-000000000099 --model text')).toEqual({
      code: 1,
      out: 'Nothing was redriven.\n',
      err: 'error: 019ab000-0000-7000-8000-000000000099: there is no such dead letter of the model text: dead-letters list shows those that there are\n',
    })
  })
})

describe('dead-letters discard', () => {
  it('`dead-letters discard` deletes the named dead letters, and their requests stay failed', async () => {
    const [item, other] = [await failed(), await failed()]
    await unreadable('m-3')

    const ran = await sluice(`dead-letters discard ${item.request_id} message:m-3`)

    expect(ran).toEqual({
      code: 0,
      out: `${item.request_id} is discarded.\nmessage:m-3 is discarded.\n`,
      err: '',
    })
    expect(await lettersLeft()).toEqual([other.request_id])
    expect(await stores.ports.items.get(item.user_id, item.request_id)).toMatchObject({ status: 'failed', run: 1 })
  })

  it('`dead-letters discard` reports a dead letter that does not exist, and discards the others', async () => {
    const item = await failed()

    expect(await json(`dead-letters discard nothing ${item.request_id}`)).toEqual({
      discarded: [item.request_id],
      refused: [
        { id: 'nothing', reason: 'there is no such dead letter: dead-letters list shows those that there are' },
      ],
    })
    expect((await sluice('dead-letters discard nothing --json')).code).toBe(1)
  })

  it('`dead-letters discard` refuses to run without an id', async () => {
    expect((await sluice('dead-letters discard')).code).toBe(2)
  })
})
