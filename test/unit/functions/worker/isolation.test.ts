import { describe, expect, it } from 'vitest'
import { createIsolation, type Leave } from '../../../../functions/worker/isolation.ts'

const settle = () => new Promise<void>(resolve => setImmediate(resolve))

/**
 * WINDOW: the milliseconds that a call may wait before it begins. CLOSED: the milliseconds for which an environment starts no
 * other calls after an isolated call could not begin in time.
 */
const WINDOW = 20_000
const CLOSED = 60_000

/** An isolation whose clock the test moves with `pass`. `begun` and `refused` have the names of calls. */
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

describe('the isolation of requests in an environment that several invocations share', () => {
  it('lets calls run at the same time if none of them is isolated', async () => {
    const { enter, begun } = anIsolation()

    await Promise.all([enter('a'), enter('b')])

    expect(begun).toEqual(['a', 'b'])
  })

  it('starts an isolated call when no other call runs, so that only its request can cause a crash, and starts later calls after its end', async () => {
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

  it('refuses a call that has waited for WINDOW milliseconds', async () => {
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

describe('the isolation, after an isolated call could not begin in time,', () => {
  /** The call `long` takes longer than WINDOW. So the call `isolated`, and a call behind it, are refused. */
  async function closed() {
    const all = anIsolation()
    void all.enter('long')
    await all.pass(1_000)
    void all.enter('isolated', true)
    void all.enter('behind it')
    await all.pass(WINDOW)
    return all
  }

  it('starts the isolated call when its message is redelivered, since no other call was started in the meantime', async () => {
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

  it('if the isolated call is not redelivered, other calls are refused for CLOSED milliseconds', async () => {
    const { enter, pass, begun } = await closed()

    await pass(CLOSED - 1)
    await enter('too early')
    await pass(1)
    await enter('a')

    expect(begun).toEqual(['long', 'a'])
  })

  it('each isolated call that could not begin makes the environment refuse other calls for CLOSED milliseconds again', async () => {
    const { enter, leave, pass, begun, refused } = await closed()
    void enter('isolated again', true)
    await leave('long')
    await leave('isolated again')
    await enter('long, too')
    void enter('another', true)
    await pass(WINDOW)
    expect(refused.at(-1)).toBe('another')

    // The time of the first refusals ends now. This must not end the second refusals, which `another` has caused.
    await pass(CLOSED - WINDOW)
    await enter('too early')
    await pass(WINDOW)
    await enter('a')

    expect(begun).toEqual(['long', 'isolated again', 'long, too', 'a'])
  })

  it('no other calls are refused if an isolated call could not begin only because another isolated call was running', async () => {
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
