import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { nearestConcurrency, splitConcurrency } from '../../../lib/config/concurrency.ts'
import { parseDuration } from '../../../lib/config/duration.ts'
import { interpolate } from '../../../lib/config/interpolate.ts'
import { checkMapping } from '../../../lib/config/mapping.ts'
import { readSource } from '../../../lib/config/source-document.ts'

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['4d', 345_600_000],
    ['0s', 0],
  ])('%s is %i milliseconds', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds)
  })

  it.each(['', '5', 's', '1.5s', '-1s', '1 s', '1S', '1s ', '1h30m', '1e3s'])('%j is no duration', text => {
    expect(parseDuration(text)).toBeUndefined()
  })

  it('durations have the value of the number times the unit', () => {
    const unit = fc.constantFrom<[string, number]>(
      ['ms', 1],
      ['s', 1_000],
      ['m', 60_000],
      ['h', 3_600_000],
      ['d', 86_400_000],
    )
    fc.assert(
      fc.property(
        fc.nat(999_999_999),
        unit,
        (count, [name, size]) => parseDuration(`${count}${name}`) === count * size,
      ),
    )
  })
})

describe('variables in a text of pipeline.yaml', () => {
  const env = { HOST: 'h', EMPTY: '' }

  it.each([
    [`\${HOST}`, 'h'],
    [`http://\${HOST}:\${PORT:80}/`, 'http://h:80/'],
    [`\${NO:}`, ''],
    [`\${EMPTY:default}`, ''],
    [`\${NO:http://a:1/b c}`, 'http://a:1/b c'],
    [`$\${HOST}`, `\${HOST}`],
    [`$$\${HOST}`, `$\${HOST}`],
  ])('%s becomes %j', (text, value) => {
    expect(interpolate(text, env)?.value).toBe(value)
  })

  it.each(['$map(x, function($v){ $v })', '$HOST', `\${ HOST }`, `\${1A}`, `\${A-B}`, '$.{ "a": b }', `\${HOST`, ''])(
    '%j stays as it is',
    text => {
      expect(interpolate(text, env)).toBeUndefined()
    },
  )

  it('variables that are not set are reported with their places', () => {
    expect(interpolate(`a \${X} \${HOST} \${Y}`, env)?.unset).toEqual([
      { name: 'X', offset: 2 },
      { name: 'Y', offset: 15 },
    ])
  })

  it('variables never change the structure of a document, whatever values they have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), value => {
        const source = readSource(`a: \${V}\nb: ["\${V}", 'x\${V}']\nc: >-\n  \${V}\n`, { V: value })
        expect(source.problems).toEqual([])
        expect(source.toData()).toEqual({ a: value, b: [value, `x${value}`], c: value })
      }),
    )
  })
})

describe('the line and column of a character in a value', () => {
  it('the line and column of a character are found for each style in which YAML writes a text', () => {
    const word = fc.stringMatching(/^[a-z"'\\{}$:,é😀-]{1,8}$/u)
    const style = fc.constantFrom('PLAIN', 'QUOTE_DOUBLE', 'QUOTE_SINGLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED')
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), style, (words, defaultStringType) => {
        const value = [...words, '@'].join(' ')
        const text = stringify({ key: value }, { defaultStringType, defaultKeyType: 'PLAIN', lineWidth: 40 })
        fc.pre(parse(text).key === value && value.indexOf('@') === value.length - 1)

        // The offset counts characters of the value after its variables were replaced.
        const read = interpolate(value, {})?.value ?? value
        const { line, column } = readSource(text, {}).position(['key'], { offset: read.length - 1 })

        expect(text.split('\n')[line - 1]?.[column - 1]).toBe('@')
      }),
    )
  })
})

describe('concurrency', () => {
  it('the concurrency of a model is split into at most 1,000 invocations with at most 10 calls each, whose product is the concurrency', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 10_000 }), concurrency => {
        const split = splitConcurrency(nearestConcurrency(concurrency))
        if (split === undefined) throw new Error('the nearest one must work')
        expect(split.mapping * split.calls).toBe(nearestConcurrency(concurrency))
        expect(split.mapping).toBeGreaterThanOrEqual(2)
        expect(split.mapping).toBeLessThanOrEqual(1_000)
        expect(split.calls).toBeLessThanOrEqual(10)
        if (concurrency <= 1_000) expect(nearestConcurrency(concurrency)).toBe(concurrency)
      }),
    )
  })

  it('the concurrency of a model is split into five invocations or more if it is high enough, since an invocation may receive only one request', () => {
    expect(splitConcurrency(10)).toEqual({ mapping: 5, calls: 2 })
    expect(splitConcurrency(20)).toEqual({ mapping: 5, calls: 4 })
    expect(splitConcurrency(100)).toEqual({ mapping: 10, calls: 10 })
    expect(splitConcurrency(4)).toEqual({ mapping: 4, calls: 1 })
    expect(splitConcurrency(7)).toEqual({ mapping: 7, calls: 1 })
    expect(splitConcurrency(1_009)).toBeUndefined()
  })
})

describe('the check of JSONata functions', () => {
  it('the check of JSONata functions accepts functions that the expression defines', () => {
    expect(checkMapping('( $double := function($x) { $x * 2 }; $map(a, $double); $double(3) )')).toBeUndefined()
    expect(checkMapping('$reduce(a, function($sum, $f) { $f($sum) })')).toBeUndefined()
    expect(checkMapping('a ~> $trim() ~> $nothing()')?.message).toContain('calls $nothing')
  })

  it.each([
    'list#$i.{ "at": $i, "x": x }',
    'list[x = 1]#$i.$i',
    'users@$u.orders@$o[$o.user = $u.id].{ "user": $u, "order": $o }',
    '$map(list, function($item, $index) { $item + $index })',
    '$$.a & $.b',
    '$map(list, $uppercase)',
    '( $f := function($n) { $n = 0 ? 1 : $n * $f($n - 1) }; $f(5) )',
  ])('the check of JSONata functions accepts the variables that %s binds', expression => {
    expect(checkMapping(expression)).toBeUndefined()
  })
})
