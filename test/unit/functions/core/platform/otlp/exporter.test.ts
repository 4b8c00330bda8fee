import { describe, expect, it } from 'vitest'
import { MAX_WAITING_BYTES, otlpExporter, PAUSE_MS } from '../../../../../../functions/core/platform/otlp/exporter.ts'
import type { Posted } from '../../../../../../functions/core/platform/otlp/post-json.ts'

const TAKEN: Posted = { ok: true, rejected: 0 }
const AWAY: Posted = { ok: false, mayRepeat: true, reason: 'ECONNREFUSED' }
const REFUSED: Posted = { ok: false, mayRepeat: false, reason: 'status 400' }

/** An exporter whose clock the test moves. `answers` has the answers to its POSTs. The test answers the other POSTs by `late`. */
function exporting(answers: (Posted | undefined)[]) {
  const system = { now: 0 }
  const posts: string[] = []
  const slept: number[] = []
  const told: string[] = []
  const late: ((posted: Posted) => void)[] = []
  const exporter = otlpExporter(
    { traces: 'http://receiver/v1/traces', metrics: 'http://receiver/v1/metrics' },
    (url, json) => {
      posts.push(`${url} ${json}`)
      const answer = answers.shift()
      return answer ? Promise.resolve(answer) : new Promise(resolve => late.push(resolve))
    },
    {
      clock: () => system.now,
      sleep: async ms => {
        slept.push(ms)
        // One turn of the event loop. So the exporter reads an answer that has already arrived before the wait ends.
        await new Promise(setImmediate)
      },
      onFailure: reason => told.push(reason),
      onRecovery: () => told.push('again'),
    },
  )
  const post = (n: number) => exporter.postOtlp('traces', { body: { n }, items: 1 })
  return { system, posts, slept, told, late, exporter, post }
}

it('the exporter of traces and metrics sends each payload (the JSON of an export) once, to the endpoint of its kind', async () => {
  const { exporter, post, posts } = exporting([TAKEN, TAKEN])

  post(1)
  post(2)
  await exporter.flush(50)

  expect(posts).toEqual(['http://receiver/v1/traces {"n":1}', 'http://receiver/v1/traces {"n":2}'])
  expect(exporter.takeDropped('traces')).toBe(0)
})

it('the exporter drops metrics if no endpoint for metrics is configured', async () => {
  const posts: string[] = []
  const exporter = otlpExporter({ traces: 'http://receiver/v1/traces' }, async url => {
    posts.push(url)
    return TAKEN
  })

  exporter.postOtlp('metrics', { body: {}, items: 1 })
  await exporter.flush(50)

  expect(posts).toEqual([])
})

it('the exporter waits for a silent receiver only once in 30 seconds, for the time that the caller gives', async () => {
  const { exporter, post, posts, slept, system } = exporting([])

  for (let request = 0; request < 100; request++) {
    post(request)
    await exporter.flush(50)
  }

  expect(slept).toEqual([50])
  expect(posts).toHaveLength(1)
  system.now += PAUSE_MS
  await exporter.flush(50)
  expect(slept).toEqual([50, 50])
})

it('the exporter sends the waiting payloads as soon as a slow receiver has answered', async () => {
  const { exporter, post, posts, late } = exporting([undefined, TAKEN])
  post(1)
  await exporter.flush(50)
  post(2)

  late[0]?.(TAKEN)
  await new Promise(setImmediate)

  expect(posts).toHaveLength(2)
  expect(exporter.takeDropped('traces')).toBe(0)
})

it('the exporter sends nothing for 30 seconds after a failure, so functions do not wait for a broken receiver, and then sends all payloads', async () => {
  const { exporter, post, posts, slept, told, system } = exporting([AWAY, TAKEN, TAKEN])
  post(1)
  await exporter.flush(50)

  post(2)
  await exporter.flush(50)
  system.now += PAUSE_MS - 1
  await exporter.flush(50)
  expect([posts.length, slept.length]).toEqual([1, 1])

  system.now += 1
  await exporter.flush(50)
  expect(posts.map(text => text.at(-2))).toEqual(['1', '1', '2'])
  expect(told).toEqual(['ECONNREFUSED', 'again'])
  expect(exporter.takeDropped('traces')).toBe(0)
})

it('the exporter reports only the first of several failures in a row', async () => {
  const { exporter, post, told, system } = exporting([AWAY, AWAY, AWAY])
  post(1)

  for (let i = 0; i < 3; i++) {
    await exporter.flush(50)
    system.now += PAUSE_MS
  }

  expect(told).toEqual(['ECONNREFUSED'])
})

it('the exporter counts as dropped the items of a payload that the receiver refuses, and single items that the receiver rejects', async () => {
  const { exporter, post, system } = exporting([REFUSED, { ok: true, rejected: 1 }])

  post(1)
  await exporter.flush(50)
  expect(exporter.takeDropped('traces')).toBe(1)
  expect(exporter.takeDropped('traces')).toBe(0)

  system.now += PAUSE_MS
  post(2)
  await exporter.flush(50)
  expect(exporter.takeDropped('traces')).toBe(1)
})

it('the exporter keeps at most 1 MiB of payloads while the receiver can’t be reached, and counts the items that it drops', async () => {
  const { exporter, posts, system } = exporting([AWAY, ...Array.from({ length: 100 }, () => TAKEN)])
  const body = { text: 'x'.repeat(MAX_WAITING_BYTES / 8) }

  for (let i = 0; i < 20; i++) exporter.postOtlp('traces', { body, items: 10 })
  await exporter.flush(50)

  expect(exporter.takeDropped('traces')).toBe(130)
  system.now += PAUSE_MS
  await exporter.flush(50)
  expect(posts).toHaveLength(8)
})

describe('the exporter: metrics, which are sums since the start of the process', () => {
  const sums = (n: number) => ({ body: { sums: n }, items: 7, supersedes: true })

  it('are replaced by newer sums while the receiver can’t be reached, and the replaced sums do not count as dropped', async () => {
    const { exporter, post, posts, system } = exporting([AWAY, TAKEN, TAKEN])
    exporter.postOtlp('metrics', sums(1))
    await exporter.flush(50)

    post(1)
    for (const n of [2, 3]) exporter.postOtlp('metrics', sums(n))
    system.now += PAUSE_MS
    await exporter.flush(50)

    expect(posts.map(text => text.split(' ')[1])).toEqual(['{"sums":1}', '{"n":1}', '{"sums":3}'])
    expect(exporter.takeDropped('metrics')).toBe(0)
  })

  it('metrics are not sent again after a failure if newer sums have come in the meantime', async () => {
    const { exporter, posts, late, system } = exporting([undefined, TAKEN])
    exporter.postOtlp('metrics', sums(1))
    exporter.postOtlp('metrics', sums(2))

    late[0]?.(AWAY)
    await new Promise(setImmediate)
    system.now += PAUSE_MS
    await exporter.flush(50)

    expect(posts.map(text => text.split(' ')[1])).toEqual(['{"sums":1}', '{"sums":2}'])
  })

  it('metrics do not use up the memory for waiting spans, since only the newest sums are kept', async () => {
    const { exporter } = exporting([AWAY])
    exporter.postOtlp('metrics', sums(0))
    await exporter.flush(50)

    const text = 'x'.repeat(MAX_WAITING_BYTES / 2)
    for (let n = 0; n < 5; n++) exporter.postOtlp('metrics', { ...sums(n), body: { n, text } })
    exporter.postOtlp('traces', { body: { text: text.slice(1_000) }, items: 1 })

    expect([exporter.takeDropped('metrics'), exporter.takeDropped('traces')]).toEqual([0, 0])
  })
})
