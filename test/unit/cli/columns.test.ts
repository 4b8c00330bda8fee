import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { columns } from '../../../lib/cli/columns.ts'
import { paint } from '../../../lib/cli/paint.ts'

const ID = '019ab000-0000-7000-8000-000000000001'

describe('columns', () => {
  it('`columns` prints the names of the columns, and aligns the cells', () => {
    expect(
      columns(
        ['name', 'at'],
        [
          ['a', '1'],
          ['longer', '22'],
        ],
      ),
    ).toEqual(['NAME    AT', 'a       1', 'longer  22'])
  })

  it('`columns` breaks a long cell into several lines of its column, but never breaks the first cell of a row', () => {
    const sentence = 'the model answered 500 and said that it has run out of memory'

    const [, first, second = ''] = columns(['request', 'model', 'reason'], [[ID, 'text', sentence]])

    expect(first).toMatch(new RegExp(`^${ID}  text   the model`))
    expect(second).toMatch(/^ {45}\S/)
  })

  it('`columns` prints the note of a row below the row', () => {
    expect(columns(['name'], [{ cells: ['a'], note: 'why' }, { cells: ['b'] }])).toEqual(['NAME', 'a', '  why', 'b'])
  })

  it('`columns` prints lines of at most 80 characters, and loses no character of a cell', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 200 }).map(text => text.trim())
    const table = fc
      .integer({ min: 1, max: 6 })
      .chain(width => fc.array(fc.array(cell, { minLength: width, maxLength: width })))
    fc.assert(
      fc.property(table, rows => {
        const heading = (rows[0] ?? ['x']).map(() => 'h')
        const lines = columns(heading, rows)

        expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80)
        const letters = (texts: readonly string[]) => texts.join('').replaceAll(/[^ab]/g, '').length
        expect(letters(lines)).toBe(letters(rows.flat()))
      }),
      { numRuns: 200 },
    )
  })
})

describe('paint', () => {
  it('`paint` colours headings, states and refusals', () => {
    expect(paint('MODEL  STATE')).toContain('\u001b[1m')
    expect(paint('text   halted  0')).toBe('text   \u001b[31mhalted\u001b[39m  0')
    expect(paint('error: no')).toBe('\u001b[31merror:\u001b[39m no')
  })

  it('`paint` does not colour words such as "failed" or "open" in a sentence', () => {
    expect(paint('The request has failed since the circuit is open.')).not.toContain('\u001b')
  })
})
