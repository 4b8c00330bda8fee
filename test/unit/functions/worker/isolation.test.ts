import { describe, expect, it } from 'vitest'
import { createIsolation, type Leave } from '../../../../functions/worker/isolation.ts'

const NEVER = () => new Promise<void>(() => undefined)
const settle = () => new Promise<void>(resolve => setImmediate(resolve))

/** An isolation whose waits end when the test says so, and the names of the calls that have begun. */
function anIsolation(sleep: (ms: number) => Promise<void> = NEVER) {
  const isolation = createIsolation(sleep)
  const begun: string[] = []
  const leaves = new Map<string, Leave>()
  const refused: string[] = []
  const enter = async (name: string, alone = false) => {
    const leave = await isolation.enter(alone, 1_000)
    if (!leave) return refused.push(name)
    leaves.set(name, leave)
    return begun.push(name)
  }
  const leave = async (name: string) => {
    leaves.get(name)?.()
    await settle()
  }
  return { enter, leave, begun, refused }
}

describe('the isolation of requests in a shared environment', () => {
  it('lets calls run beside each other', async () => {
    const { enter, begun } = anIsolation()

    await Promise.all([enter('a'), enter('b')])

    expect(begun).toEqual(['a', 'b'])
  })

  it('begins an isolated call when no other runs, and the next ones after it', async () => {
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

  it('refuses a call that would have to wait for too long, and lets the others pass it', async () => {
    const { promise: timeIsUp, resolve: endTime } = Promise.withResolvers<void>()
    const waited: number[] = []
    const { enter, begun, refused } = anIsolation(ms => {
      waited.push(ms)
      return waited.length === 1 ? timeIsUp : NEVER()
    })
    void enter('a')
    void enter('isolated', true)
    void enter('b')
    await settle()

    endTime()
    await settle()

    expect(waited[0]).toBe(1_000)
    expect(refused).toEqual(['isolated'])
    expect(begun).toEqual(['a', 'b'])
  })
})
