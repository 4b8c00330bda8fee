import { expect, test } from 'vitest'
import { createFairLine } from '../../lib/local/fair-line.ts'

/** A fair line, i.e. a queue whose groups take turns. Its items are texts, and the first letter of a text is its group. */
const lineOf = (...items: string[]) => createFairLine(item => item.charAt(0), items)

function takeAll<T>(line: { shift(): T | undefined }): T[] {
  const taken: T[] = []
  for (let item = line.shift(); item !== undefined; item = line.shift()) taken.push(item)
  return taken
}

test('the groups of a fair line take turns, and the items of a group keep their order', () => {
  const line = lineOf('a1', 'a2', 'a3', 'b1', 'c1', 'c2')
  expect(takeAll(line)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
})

test('the first item of a new group in a fair line waits for one item of each other group, even if these have many items', () => {
  const many = (group: string) => Array.from({ length: 1000 }, (_, i) => `${group}${i}`)
  const line = lineOf(...many('a'), ...many('b'))
  for (let i = 0; i < 5; i++) line.shift()

  line.push('late')

  const next = [line.shift(), line.shift(), line.shift()]
  expect(next).toContain('late')
})

test('a group of a fair line takes its next turn after all other groups', () => {
  const line = lineOf('a1', 'b1', 'b2')
  expect(line.shift()).toBe('a1')

  line.push('a2')

  expect(takeAll(line)).toEqual(['b1', 'a2', 'b2'])
})

test('the items without a group form one more group of a fair line, in which they keep their order', () => {
  const line = createFairLine<{ group?: string; n: number }>(({ group }) => group, [{ n: 1 }, { n: 2 }])
  line.push({ group: 'a', n: 3 })
  expect(takeAll(line).map(({ n }) => n)).toEqual([1, 3, 2])
})

test('the removal of an item from a fair line does not change the order of the other items', () => {
  const line = lineOf('a1', 'a2', 'a3', 'b1', 'c1', 'c2')

  expect([line.remove('a2'), line.remove('b1'), line.remove('c1')]).toEqual([true, true, true])
  expect([line.remove('a2'), line.remove('d1')]).toEqual([false, false])

  expect(line.length).toBe(3)
  expect(takeAll(line)).toEqual(['a1', 'c2', 'a3'])
})

test('the length and the iteration of a fair line include only items that were not taken yet', () => {
  const line = lineOf('a1', 'a2', 'a3', 'b1')
  line.shift()
  expect(line.length).toBe(3)
  expect([...line].toSorted()).toEqual(['a2', 'a3', 'b1'])

  takeAll(line)
  expect(line.length).toBe(0)
  expect([...line]).toEqual([])
  expect(line.shift()).toBeUndefined()
})
