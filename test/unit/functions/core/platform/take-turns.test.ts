import { expect, it } from 'vitest'
import { takeTurns } from '../../../../../functions/core/platform/take-turns.ts'

/** Adds tasks to `takeTurns`. `begun` has the names of the tasks that have begun. The test decides when a task ends. */
function createTasks() {
  const inTurn = takeTurns()
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  return {
    begun,
    add: (group: string | undefined, name: string) => {
      const end = Promise.withResolvers<string>()
      ends.set(name, end)
      return inTurn(group, () => {
        begun.push(name)
        return end.promise
      })
    },
    end: (name: string) => ends.get(name)?.resolve(name),
    fail: (name: string) => ends.get(name)?.reject(new Error(name)),
  }
}

it('takeTurns runs tasks one after the other, and gives each caller the result of its own task', async () => {
  const { add, begun, end } = createTasks()
  const first = add('a', 'first')
  const second = add('a', 'second')

  expect(begun).toEqual(['first'])
  end('first')
  expect(await first).toBe('first')
  end('second')
  expect(await second).toBe('second')
  expect(begun).toEqual(['first', 'second'])
})

it('takeTurns lets the only task of a group (a user) wait for at most two of the many tasks of another group', async () => {
  const { add, begun, end } = createTasks()
  const many = ['1', '2', '3', '4'].map(name => add('many', name))
  const only = add('few', 'only')

  for (const name of ['1', '2', 'only', '3', '4']) end(name)

  expect(await only).toBe('only')
  await Promise.all(many)
  expect(begun.indexOf('only')).toBeLessThanOrEqual(2)
})

it('takeTurns runs the next task after a task that has failed', async () => {
  const { add, end, fail } = createTasks()
  const failing = add(undefined, 'failing')
  const next = add(undefined, 'next')

  fail('failing')
  await expect(failing).rejects.toThrow('failing')
  end('next')
  expect(await next).toBe('next')
})
