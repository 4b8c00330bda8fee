import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts'
import { eventually } from './support/eventually.ts'
import { answerJson, startTestModel, type TestModel, usualUsage } from './support/model.ts'
import { fixture, startSystem } from './support/system.ts'

const POSTS = 8
/** After a failed export of traces, a function exports nothing for 30 s. The test expects 29 s, because exports take different times to arrive. */
const PAUSE_MS = 29_000

let model: TestModel
beforeAll(async () => {
  model = await startTestModel()
})
afterAll(() => model?.close())

/** The times at which the exports of a function arrived at a receiver, oldest first. */
const exportsOf = ({ exports }: OtlpReceiver, service: string): number[] =>
  exports.filter(({ body }) => JSON.stringify(body).includes(`"stringValue":"${service}"`)).map(({ at }) => at)

/** Starts a system that sends its traces and metrics to a receiver with these answers. */
async function startTraced(answer: Parameters<typeof startOtlpReceiver>[0]) {
  const receiver = await startOtlpReceiver(answer)
  onTestFinished(receiver.close)
  const system = await startSystem({
    SLUICE_CONFIG: fixture('traced.yaml'),
    MODEL_URL: model.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.origin,
  })
  onTestFinished(async () => void (await system.stop()))
  return { receiver, system }
}

describe('a receiver of traces', () => {
  test('one line of the terminal says that a receiver of traces and metrics is down, and one that this is over', {
    timeout: 240_000,
  }, async () => {
    let status = 503
    const { receiver, system } = await startTraced(() => ({ status }))
    const client = await system.newUser()
    const post = async () => client.ended(await client.submit({ prompt: 'p', model: 'free' }))
    const lines = () =>
      system
        .output()
        .out.split('\n')
        .filter(line => line.includes('telemetry'))

    await post()
    const paths = () => new Set(receiver.exports.map(({ path }) => path))
    await eventually(() => expect(paths()).toEqual(new Set(['/v1/traces', '/v1/metrics'])))
    await eventually(() => expect(lines()).toHaveLength(1))
    status = 200
    await eventually(
      async () => {
        await post()
        expect(lines()).toHaveLength(2)
      },
      { timeout: 120_000, interval: 2_000 },
    )

    expect(lines()).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\d WARN [a-z-]+: telemetry can't be exported \(status 503\); it is tried again every 30 s$/,
      ),
      expect.stringMatching(/^\d\d:\d\d:\d\d over, .*: WARN [a-z-]+: telemetry can't be exported \(status 503\)/),
    ])
  })

  test.for([
    { what: 'that is down', answer: { status: 503 }, told: /telemetry can't be exported \(status 503\)/ },
    { what: 'that never answers', answer: { silent: true }, told: /telemetry can't be exported \(ETIMEDOUT\)/ },
  ])(
    'a receiver $what gets at most one export per 30 s and environment, and all requests succeed',
    { timeout: 240_000 },
    async ({ answer, told }) => {
      const { receiver, system } = await startTraced(() => answer)
      const client = await system.newUser()
      for (let i = 0; i < POSTS; i++) model.on(`p${i}`, answerJson({ result: 'r', usage: usualUsage }))

      for (let i = 0; i < POSTS; i++) {
        const { status } = await client.ended(await client.submit({ prompt: `p${i}`, model: 'free' }))
        expect(status).toBe('completed')
      }
      await eventually(() => expect(system.output().out).toMatch(told))

      // Sequential posts use at most two environments (threads) of the gateway. Each of them pauses its own exports for 30 s. So each export is compared
      // with the last but one, which is the latest that the same environment can have sent.
      const tried = exportsOf(receiver, 'traced-gateway')
      expect(tried.length).toBeGreaterThan(0)
      const tooSoon = tried.filter((at, i) => at - (tried[i - 2] ?? Number.NEGATIVE_INFINITY) < PAUSE_MS)
      expect(tooSoon).toEqual([])
    },
  )
})
