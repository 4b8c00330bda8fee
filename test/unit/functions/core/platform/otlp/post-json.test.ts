import { HttpRequest } from '@smithy/protocol-http'
import { afterEach, expect, it, vi } from 'vitest'
import { composeOtlp } from '../../../../../../functions/core/platform/otlp/compose.ts'
import { postJson } from '../../../../../../functions/core/platform/otlp/post-json.ts'
import { type OtlpReceiver, startOtlpReceiver } from '../../../../../support/otlp-receiver.ts'

const receivers: OtlpReceiver[] = []

async function receiver(...how: Parameters<typeof startOtlpReceiver>): Promise<OtlpReceiver> {
  const started = await startOtlpReceiver(...how)
  receivers.push(started)
  return started
}

afterEach(async () => {
  await Promise.all(receivers.splice(0).map(one => one.close()))
})

it('postJson posts JSON several times over one kept connection', async () => {
  const { origin, exports } = await receiver()
  const post = postJson()

  await post(`${origin}/v1/traces`, '{"n":1}')
  await post(`${origin}/v1/traces?a=b`, '{"n":2}')

  expect(exports.map(({ path, body }) => [path, body])).toEqual([
    ['/v1/traces', { n: 1 }],
    ['/v1/traces?a=b', { n: 2 }],
  ])
  expect(exports[0]?.headers).toMatchObject({ 'content-type': 'application/json' })
  expect(new Set(exports.map(({ senderPort }) => senderPort)).size).toBe(1)
})

it('postJson opens a new connection if the receiver has closed the kept one', async () => {
  const { origin, hangUp, exports } = await receiver()
  const post = postJson()
  await post(origin, '1')

  // As if Lambda had frozen the function while the receiver closed the connection: the function notices this only at its write.
  hangUp()
  const posted = await post(origin, '2')

  expect(posted).toEqual({ ok: true, rejected: 0 })
  expect(exports.map(({ body }) => body)).toEqual([1, 2])
})

it.each([
  { body: '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}', rejected: 3 },
  { body: '{"partialSuccess":{"rejectedDataPoints":2}}', rejected: 2 },
  { body: '{"partialSuccess":{}}', rejected: 0 },
  { body: '', rejected: 0 },
  { body: `"${'x'.repeat(1_000_000)}"`, rejected: 0 },
])('postJson reads from an answer how many items the receiver has rejected: $rejected', async ({ body, rejected }) => {
  const { origin } = await receiver(() => ({ body }))

  expect(await postJson()(origin, '{}')).toEqual({ ok: true, rejected })
})

it.each([
  { status: 400, mayRepeat: false },
  { status: 302, mayRepeat: false },
  { status: 429, mayRepeat: true },
  { status: 500, mayRepeat: false },
  { status: 503, mayRepeat: true },
])(
  'postJson reports a failure for the status $status, and whether the POST may be repeated: $mayRepeat',
  async ({ status, mayRepeat }) => {
    const { origin } = await receiver(() => ({ status }))

    expect(await postJson()(origin, '{}')).toEqual({ ok: false, mayRepeat, reason: `status ${status}` })
  },
)

it('postJson reports a failure with the code ECONNREFUSED if no receiver listens', async () => {
  const { origin, close } = await startOtlpReceiver()
  await close()

  expect(await postJson()(origin, '{}')).toEqual({ ok: false, mayRepeat: true, reason: 'ECONNREFUSED' })
})

/**
 * A clock and a sleep for `postJson`, which sleeps repeatedly while it waits for the answer. At each sleep, the time moves by
 * `move(n)` milliseconds, where n is the number of the sleep. If `move` gives undefined, the sleep never ends.
 */
function aClock(move: (look: number) => number | undefined) {
  let now = 0
  let looks = 0
  return {
    clock: () => now,
    sleep: async (ms: number) => {
      looks += 1
      const passed = move(looks)
      if (passed === undefined) await new Promise(() => undefined)
      now += passed ?? ms
      await new Promise(setImmediate)
    },
    now: () => now,
  }
}

it('postJson stops waiting for a silent receiver after the function has run for 10 seconds', async () => {
  const { origin } = await receiver(() => ({ silent: true }))
  const { now, ...surroundings } = aClock(() => 500)

  const posted = await postJson(undefined, surroundings)(origin, '{}')

  expect(posted).toEqual({ ok: false, mayRepeat: false, reason: 'ETIMEDOUT' })
  expect(now()).toBe(10_000)
})

it('postJson does not count an hour in which Lambda has frozen the function, and reads the answer that has arrived in this hour', async () => {
  const frozen = Promise.withResolvers<void>()
  const { origin } = await receiver(() => ({ after: frozen.promise }))
  const { now, ...surroundings } = aClock(look => {
    if (look < 20) return 500
    if (look === 20) return 3_600_000
    // The answer arrives one turn of the event loop after the function continues.
    frozen.resolve()
    return undefined
  })

  const posted = await postJson(undefined, surroundings)(origin, '{}')

  expect(posted).toEqual({ ok: true, rejected: 0 })
  expect(now()).toBeGreaterThan(3_600_000)
})

it('postJson stops waiting for a silent receiver even if Lambda freezes the function after each of many short invocations', async () => {
  const { origin } = await receiver(() => ({ silent: true }))
  const tooMany = Promise.withResolvers<string>()
  const surroundings = aClock(look => {
    if (look <= 100) return 60_000
    tooMany.resolve('never given up')
    return undefined
  })

  const posted = await Promise.race([postJson(undefined, surroundings)(origin, '{}'), tooMany.promise])

  expect(posted).toEqual({ ok: false, mayRepeat: false, reason: 'ETIMEDOUT' })
})

it('postJson sends the request with the headers of its signer, such as a signature', async () => {
  const { origin, exports } = await receiver()
  const post = postJson(async () => async request => {
    return new HttpRequest({ ...request, headers: { ...request.headers, authorization: 'signed' } })
  })

  await post(`${origin}/v1/traces`, '{}')

  expect(exports[0]?.headers.authorization).toBe('signed')
})

it('the exporter that goes on for one whose exports failed logs no further failure, and logs the first success', async () => {
  let status = 503
  const { origin } = await receiver(() => ({ status }))
  const warn = vi.fn()
  const exportOnce = async () => {
    const otlp = composeOtlp({ traces: `${origin}/v1/traces` }, { warn }, true)
    otlp.postOtlp('traces', { body: {}, items: 1 })
    await otlp.flush(10_000)
  }

  await exportOnce()
  expect(warn).not.toHaveBeenCalled()
  status = 200
  await exportOnce()

  expect(warn.mock.calls).toEqual([['telemetry is exported again', { trouble: 'ends', trouble_of: 'telemetry' }]])
})

it('exports to a receiver that can’t be reached cause one log line, without the address of the receiver', async () => {
  const { origin, close } = await startOtlpReceiver()
  await close()
  const warn = vi.fn()
  const otlp = composeOtlp({ traces: `${origin}/v1/traces` }, { warn })

  for (let i = 0; i < 3; i++) {
    otlp.postOtlp('traces', { body: {}, items: 1 })
    await otlp.flush(1_000)
  }

  expect(warn.mock.calls).toEqual([
    [
      "telemetry can't be exported (ECONNREFUSED); it is tried again every 30 s",
      { reason: 'ECONNREFUSED', trouble: 'lasts', trouble_of: 'telemetry' },
    ],
  ])
})
