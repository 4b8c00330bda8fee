import { describe, expect, it } from 'vitest'
import { createIsolation, type Leave } from '../../../../functions/worker/isolation.ts'

const settle = () => new Promise<void>(resolve => setImmediate(resolve))

/** The longest wait of a call, and the time for which a closed environment stays closed. In milliseconds. */
const WINDOW = 20_000
const CLOSED = 60_000

/** An isolation on a clock that the test moves, and the names of the calls that have begun or were refused. */
function anIsolation() {
  let now = 0
  let timers: { at: number; end(): void }[] = []
  const sleep = (ms: number) => new Promise<void>(end => timers.push({ at: now + ms, end }))
  const isolation = createIsolation(sleep, CLOSED)
  const begun: string[] = []
  const leaves = new Map<string, Leave>()
  const refused: string[] = []
  const enter = async (name: string, alone = false) => {
    const leave = await isolation.enter(alone, WINDOW)
    if (!leave) return refused.push(name)
    leaves.set(name, leave)
    return begun.push(name)
  }
  const leave = async (name: string) => {
    leaves.get(name)?.()
    await settle()
  }
  const pass = async (ms: number) => {
    now += ms
    for (const { end } of timers.filter(({ at }) => at <= now)) end()
    timers = timers.filter(({ at }) => at > now)
    await settle()
  }
  return { enter, leave, pass, begun, refused }
}

describe('the isolation of requests in a shared environment', () => {
  it('lets calls run beside each other', async () => {
    const { enter, begun } = anIsolation()

    await Promise.all([enter('a'), enter('b')])

    expect(begun).toEqual(['a', 'b'])
  })

  it('starts an isolated call when no other call runs, and starts the later calls after it', async () => {
    const { enter, leave, begun } = anIsolation()
    void enter('a')
    void enter('b')
    void enter('isolated', true)
    void enter('c')
    await settle()
    expect(begun).toEqual(['a', 'b'])

    await leave('a')
    expect(begun).toEqual(['a', 'b'])
    await leave('b')
    expect(begun).toEqual(['a', 'b', 'isolated'])
    await leave('isolated')
    expect(begun).toEqual(['a', 'b', 'isolated', 'c'])
  })

  it('runs isolated calls one after the other', async () => {
    const { enter, leave, begun } = anIsolation()
    void enter('first', true)
    void enter('second', true)
    await settle()
    expect(begun).toEqual(['first'])

    await leave('first')
    await leave('first')

    expect(begun).toEqual(['first', 'second'])
  })

  it('refuses a call that would have to wait too long', async () => {
    const { enter, pass, begun, refused } = anIsolation()
    void enter('isolated', true)
    void enter('a')
    await settle()

    await pass(WINDOW - 1)
    expect(refused).toEqual([])
    await pass(1)

    expect(refused).toEqual(['a'])
    expect(begun).toEqual(['isolated'])
  })
})

describe('an isolated call that could not begin in time', () => {
  /** An isolated call waits for a call that takes longer than the isolated call may wait. */
  async function closed() {
    const all = anIsolation()
    void all.enter('long')
    await all.pass(1_000)
    void all.enter('isolated', true)
    void all.enter('behind it')
    await all.pass(WINDOW)
    return all
  }

  it('begins when it comes back, since no other call has begun meanwhile', async () => {
    const { enter, leave, pass, begun, refused } = await closed()
    expect(refused).toEqual(['isolated', 'behind it'])
    await enter('meanwhile')
    await pass(5_000)
    void enter('isolated again', true)
    await enter('later')
    expect(refused).toEqual(['isolated', 'behind it', 'meanwhile', 'later'])

    await leave('long')
    void enter('next')
    await leave('isolated again')

    expect(begun).toEqual(['long', 'isolated again', 'next'])
  })

  it('keeps other calls out for the longest time of a call, if it does not come back', async () => {
    const { enter, pass, begun } = await closed()

    await pass(CLOSED - 1)
    await enter('too early')
    await pass(1)
    await enter('a')

    expect(begun).toEqual(['long', 'a'])
  })

  it('keeps other calls out for the same time again after each time that it had to give up', async () => {
    const { enter, leave, pass, begun, refused } = await closed()
    void enter('isolated again', true)
    await leave('long')
    await leave('isolated again')
    await enter('long, too')
    void enter('another', true)
    await pass(WINDOW)
    expect(refused.at(-1)).toBe('another')

    // The first closing would end now.
    await pass(CLOSED - WINDOW)
    await enter('too early')
    await pass(WINDOW)
    await enter('a')

    expect(begun).toEqual(['long', 'isolated again', 'long, too', 'a'])
  })

  it('keeps no call out if it only waited for an isolated call', async () => {
    const { enter, leave, pass, begun, refused } = anIsolation()
    await enter('isolated', true)
    void enter('another', true)
    await pass(WINDOW / 2)
    void enter('a')
    await pass(WINDOW / 2)
    expect(refused).toEqual(['another'])

    await leave('isolated')

    expect(begun).toEqual(['isolated', 'a'])
  })
})
