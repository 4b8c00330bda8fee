import { describe, expect, it } from 'vitest'
import { createTroubles } from '../../lib/local/troubles.ts'

const START = new Date(2026, 10, 23, 10, 0, 3).getTime()
const LEDGER = 'the ledger is unavailable'

function aDisplay() {
  const lines: string[] = []
  let now = START
  const troubles = createTroubles(
    line => lines.push(line),
    () => now,
  )
  const pass = (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      now += 1_000
      troubles.tick()
    }
  }
  return { lines, troubles, pass }
}

describe('createTroubles, which shows warnings and errors of functions on the terminal', () => {
  it('shows a repeated trouble once, with its time, its function and its cause', () => {
    const { lines, troubles } = aDisplay()

    troubles.report('collector', { level: 'ERROR', message: 'an event could not be taken', cause: LEDGER })
    troubles.report('collector', { level: 'ERROR', message: 'an event could not be taken', cause: LEDGER })

    expect(lines).toEqual([`10:00:03 ERROR collector: an event could not be taken: ${LEDGER}`])
  })

  it('shows a cause once if two functions report troubles with this cause', () => {
    const { lines, troubles } = aDisplay()

    troubles.report('collector', { level: 'ERROR', message: 'an event could not be taken', cause: LEDGER })
    troubles.report('reader', { level: 'ERROR', message: 'the call failed', cause: LEDGER })
    troubles.report('reader', { level: 'WARN', message: 'something else' })

    expect(lines).toHaveLength(2)
  })

  it('an outage is shown once, even if the service gives different errors while it stops and starts', () => {
    const { lines, troubles } = aDisplay()
    const outage = (why: string) =>
      ({ level: 'ERROR', message: 'an event could not be taken', cause: `${LEDGER}: ${why}` }) as const

    for (const why of ['terminating connection', 'connect ECONNREFUSED', 'the database system is starting up'])
      troubles.report('collector', outage(why))

    expect(lines).toEqual([`10:00:03 ERROR collector: an event could not be taken: ${LEDGER}: terminating connection`])
  })

  it('a failure of the model is shown with the model’s error text, and is not shown again if only this text differs', () => {
    const { lines, troubles } = aDisplay()

    for (const said of ['out of memory (pid 1)', 'out of memory (pid 2)'])
      troubles.report('worker-text', { level: 'WARN', message: 'the model answered 500', said })

    expect(lines).toEqual(['10:00:03 WARN worker-text: the model answered 500: out of memory (pid 1)'])
  })

  it('a pause between retries does not count as the end of a trouble', () => {
    const { lines, troubles, pass } = aDisplay()
    for (const seconds of [1, 2, 4, 8, 16, 30]) {
      troubles.report('worker-text', { level: 'WARN', message: 'the model answered 500' })
      pass(seconds)
    }

    expect(lines.filter(line => line.includes('over'))).toEqual([])
    pass(60)
    expect(lines.filter(line => line.includes('over'))).toHaveLength(1)
  })

  it('the end of a repeated trouble is shown, with the number of times', () => {
    const { lines, troubles, pass } = aDisplay()
    for (let second = 0; second < 30; second++) {
      troubles.report('collector', { level: 'ERROR', message: 'an event could not be taken', cause: LEDGER })
      pass(1)
    }
    pass(30)

    expect(lines.slice(1)).toEqual([
      `10:00:42 over, after 30 times from 10:00:03 to 10:00:32: ERROR collector: an event could not be taken: ${LEDGER}`,
    ])
  })

  it('the end of a trouble that occurred once is shown, and the trouble is shown again if it occurs later', () => {
    const { lines, troubles, pass } = aDisplay()
    troubles.report('worker-text', { level: 'WARN', message: 'the model answered 500' })
    pass(30)
    troubles.report('worker-text', { level: 'WARN', message: 'the model answered 500' })

    expect(lines).toEqual([
      '10:00:03 WARN worker-text: the model answered 500',
      '10:00:13 over, it came once, at 10:00:03: WARN worker-text: the model answered 500',
      '10:00:33 WARN worker-text: the model answered 500',
    ])
  })

  it('if a trouble’s end has a log line of its own, as that of an open circuit has, silence does not count as the end', () => {
    const { lines, troubles, pass } = aDisplay()
    for (const state of ['lasts', 'ends'] as const) {
      troubles.report('worker-text', { level: 'WARN', message: `the circuit ${state}`, state })
      pass(30)
    }

    expect(lines).toEqual([
      '10:00:03 WARN worker-text: the circuit lasts',
      '10:00:33 WARN worker-text: the circuit ends',
    ])
  })

  const circuit = (message: string, state: 'lasts' | 'ends') =>
    ({ level: 'WARN', message, state, topic: 'circuit' }) as const

  it('an open circuit without a log line for 20 minutes is shown as perhaps over, since the log line for its end may be missing', () => {
    const { lines, troubles, pass } = aDisplay()
    troubles.report('worker-text', circuit('the circuit has opened', 'lasts'))
    pass(1_199)
    troubles.report('worker-text', circuit('the circuit stays open', 'lasts'))
    pass(1_199)
    expect(lines).toHaveLength(2)

    pass(2)

    expect(lines.slice(2)).toEqual([
      '10:40:02 no news for 20 minutes, it may be over: WARN worker-text: the circuit stays open',
    ])
  })

  it('after the log line for the end of an open circuit, nothing more is shown about this trouble; other troubles are still watched', () => {
    const { lines, troubles, pass } = aDisplay()
    troubles.report('worker-text', circuit('the circuit has opened', 'lasts'))
    troubles.report('worker-text', { level: 'WARN', message: 'halted', state: 'lasts', topic: 'halt' })
    troubles.report('worker-text', circuit('the circuit has closed', 'ends'))
    pass(1_300)

    expect(lines.slice(3)).toEqual(['10:20:03 no news for 20 minutes, it may be over: WARN worker-text: halted'])
  })

  const exports = (state: 'lasts' | 'ends', reason = 'ECONNREFUSED') => {
    const message = state === 'lasts' ? `telemetry can't be exported (${reason})` : 'telemetry is exported again'
    return { level: 'WARN', message, state, topic: 'telemetry' } as const
  }

  it('failing exports of all functions and of the metrics are shown once, and their end once, with the number of times', () => {
    const { lines, troubles, pass } = aDisplay()
    for (const source of ['gateway', 'metrics', 'worker-text', 'gateway']) troubles.report(source, exports('lasts'))
    pass(3_000)
    expect(troubles.doExportsFail()).toBe(true)
    expect(lines).toEqual(["10:00:03 WARN gateway: telemetry can't be exported (ECONNREFUSED)"])

    troubles.report('collector', exports('ends'))
    expect(troubles.doExportsFail()).toBe(false)
    expect(lines).toHaveLength(1)
    for (const source of ['metrics', 'worker-text', 'gateway']) troubles.report(source, exports('ends'))

    expect(lines.slice(1)).toEqual([
      "10:50:03 over, after 4 times from 10:00:03 to 10:00:03: WARN gateway: telemetry can't be exported (ECONNREFUSED)",
    ])
  })

  it('failing exports of metrics are not over if functions export their traces again, because a receiver may take only traces', () => {
    const { lines, troubles } = aDisplay()
    troubles.report('metrics', exports('lasts', 'status 404'))
    expect(troubles.doExportsFail()).toBe(false)
    troubles.report('reader', exports('lasts', 'status 503'))
    troubles.report('reader', exports('ends'))

    expect(lines.slice(2)).toEqual([
      "10:00:03 over, it came once, at 10:00:03: WARN reader: telemetry can't be exported (status 503)",
    ])
  })

  it('failing exports are shown again if they fail again after their end', () => {
    const { lines, troubles } = aDisplay()
    for (const state of ['lasts', 'ends', 'lasts'] as const) troubles.report('gateway', exports(state))

    expect(lines.map(line => line.includes('over'))).toEqual([false, true, false])
  })

  it('two warnings count as the same trouble if they differ only in a time', () => {
    const { lines, troubles, pass } = aDisplay()
    for (const until of ['10:00:10.000', '10:00:20.500']) {
      troubles.report('worker-text', {
        level: 'WARN',
        message: `the circuit is open: no calls until 2026-11-23T${until}Z`,
      })
      pass(5)
    }
    pass(30)

    expect(lines).toEqual([
      '10:00:03 WARN worker-text: the circuit is open: no calls until 2026-11-23T10:00:10.000Z',
      expect.stringMatching(/^10:00:\d\d over, after 2 times from 10:00:03 to 10:00:08: WARN worker-text: /),
    ])
  })

  it('a trouble that goes on is shown once per minute, with the number of times', () => {
    const { lines, troubles, pass } = aDisplay()
    for (let second = 0; second < 130; second++) {
      troubles.report('worker-text', { level: 'WARN', message: 'a request failed' })
      pass(1)
    }

    expect(lines.slice(1)).toEqual([
      '10:01:03 still, 60 times from 10:00:03 to 10:01:02: WARN worker-text: a request failed',
      '10:02:03 still, 120 times from 10:00:03 to 10:02:02: WARN worker-text: a request failed',
    ])
  })

  it('when the system stops, the terminal shows how often each repeated trouble occurred', () => {
    const { lines, troubles } = aDisplay()
    for (let i = 0; i < 3; i++) troubles.report('worker-text', { level: 'WARN', message: 'a request failed' })
    troubles.report('worker-text', { level: 'WARN', message: 'the circuit has opened' })
    troubles.close()

    expect(lines.slice(2)).toEqual(['10:00:03 3 times from 10:00:03 to 10:00:03: WARN worker-text: a request failed'])
  })
})
