import { describe, expect, it } from 'vitest'
import { compileExpression, EvaluationError } from '../../../../../functions/core/expressions/expression.ts'
import { HELPERS } from '../../../../../functions/core/expressions/helpers.ts'
import { FUNCTIONS } from '../../../../../lib/config/mapping.ts'

const evaluate = (expression: string, input: unknown = {}) => compileExpression(expression)(input)
const numbers = (count: number) => Array.from({ length: count }, (_, i) => (i % 2 ? i : -i))

/** The same expression, in a form that Sluice evaluates in a separate thread, since it defines a function. */
const inThread = (expression: string) => `( $self := function($x) { $x }; $self(${expression}) )`

describe.each([
  { where: 'in place', as: (expression: string) => expression },
  { where: 'in a separate thread', as: inThread },
])('an expression that is evaluated $where', ({ as }) => {
  it.each([
    { expression: '$base64encode("é 😀 日本")', value: 'w6kg8J+YgCDml6XmnKw=' },
    { expression: '$base64decode("w6kg8J+YgCDml6XmnKw=")', value: 'é 😀 日本' },
    { expression: '$sha256("é")', value: '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c' },
    { expression: '$fromMillis($toMillis("2026-11-23T10:00:00.000Z"))', value: '2026-11-23T10:00:00.000Z' },
    { expression: '$parse("{\\"a\\": [1, null]}")', value: { a: [1, null] } },
    { expression: '$exists($sha256(nothing))', value: false },
    { expression: '[1, "é😀", null, true, { "a": { "b": [] } }]', value: [1, 'é😀', null, true, { a: { b: [] } }] },
    { expression: 'nothing.there', value: undefined },
    { expression: '$uppercase(name)', value: 'ADA' },
  ])('evaluates $expression to $value', async ({ expression, value }) => {
    expect(await evaluate(as(expression), { name: 'Ada' })).toEqual(value)
  })

  it('an expression can read the clock, and gets another UUID from each `$uuid()`', async () => {
    const start = Date.now()
    const [now, millis, one, other] = (await evaluate(as('[$now(), $millis(), $uuid(), $uuid()]'))) as unknown[]

    expect(millis).toBe(Date.parse(String(now)))
    expect(millis).toBeGreaterThanOrEqual(start)
    expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(other).not.toBe(one)
  })

  it.each([
    { expression: '$error(secret)', message: "fails with JSONata's error D3137" },
    { expression: '$number(secret)', message: "fails with JSONata's error D3030" },
    { expression: '$parse(secret)', message: 'fails' },
    { expression: '$sum', message: 'gives what is not JSON' },
    { expression: '{ "f": $sum }', message: 'gives what is not JSON' },
    { expression: 'prompt & prompt & prompt', message: 'makes a value of over 8 MB' },
    { expression: '[prompt, prompt, prompt]', message: 'makes a value of over 8 MB' },
  ])('fails at $expression with an error that does not quote the values', async ({ expression, message }) => {
    const evaluated = evaluate(as(expression), { secret: 'secret words', prompt: 'x'.repeat(3 * 1024 * 1024) })

    await expect(evaluated).rejects.toThrow(EvaluationError)
    await expect(evaluated).rejects.toHaveProperty('message', message)
  })
})

it.each([
  { expression: '$substringAfter(text, sent)', value: ' and on' },
  { expression: '$substringBefore(text, sent)', value: 'so: ' },
  { expression: '$contains(text, sent & "!")', value: false },
  { expression: '$split(text & text, sent)', value: ['so: ', ' and onso: ', ' and on'] },
  { expression: '$split(text & text, sent, 1)', value: ['so: '] },
  { expression: '$replace(text, sent, "…")', value: 'so: … and on' },
])('an expression searches a long text as JavaScript does: $expression', async ({ expression, value }) => {
  const sent = `${'a'.repeat(300)}b${'a'.repeat(300)}`

  expect(await evaluate(inThread(expression), { sent, text: `so: ${sent} and on` })).toEqual(value)
})

describe('an expression that would use up all time or memory', () => {
  const long = 'a'.repeat(4_000_000)
  const half = 'a'.repeat(100_000)

  it.each([
    { expression: '$contains(prompt, /^(a+)+$/)', input: { prompt: `${'a'.repeat(50)}b` } },
    { expression: '$contains(prompt, /a+$/)', input: { prompt: `${long}b` } },
    { expression: '$contains(prompt, other)', input: { prompt: long, other: `${half}b${half}` } },
    { expression: '$split(prompt, other)', input: { prompt: long, other: `${half}b${half}` } },
    { expression: '$replace(prompt, /a/, "bb")', input: { prompt: long } },
    { expression: '$match(prompt, /a/)', input: { prompt: long } },
    { expression: '$sort(list)', input: { list: numbers(50_000) } },
    { expression: 'list^(x)', input: { list: numbers(50_000).map(x => ({ x })) } },
    { expression: '$count($distinct(list))', input: { list: numbers(300_000) } },
    { expression: '$pad("", width)', input: { width: 500_000_000 } },
    { expression: '$fromMillis(0, picture)', input: { picture: '[Y,99999999]' } },
    { expression: '$formatNumber(1e300, picture)', input: { picture: `${'#,'.repeat(200_000)}0` } },
    { expression: '$length($string(list.($$.prompt)))', input: { prompt: long, list: numbers(400) } },
    { expression: '$length($join(list.($string($)), prompt))', input: { prompt: long, list: numbers(400) } },
    { expression: '$length($replace(prompt, "a", other))', input: { prompt: 'a'.repeat(400), other: long } },
    { expression: 'list.($$.list.($$.list.$))', input: { list: numbers(1_000) } },
    { expression: '$map([1..100], function() { $split($$.prompt, "") })', input: { prompt: long } },
    { expression: '[1..size]', input: { size: 10_000_000 } },
  ])('an expression that would use up all time or memory is ended: $expression', async ({ expression, input }) => {
    await expect(evaluate(expression, input)).rejects.toThrow(EvaluationError)
  })

  it.each([
    { what: 'a text', body: '$s & $s', end: '' },
    { what: 'a list', body: '$append($s, $s)', end: '' },
    { what: 'a list, by a partial function', body: '$a($s, $s)', end: '' },
    { what: 'an object', body: '{ "a": $s, "b": $s }', end: '' },
    { what: 'an object, as a text', body: '{ "a": $s, "b": $s }', end: ' & ""' },
  ])('an expression that doubles $what again and again is ended', async ({ body, end }) => {
    const expression = `( $a := $append(?, ?); $f := function($s, $n) { $n = 0 ? $s : $f(${body}, $n - 1) }; $f("ab", 30)${end} )`

    await expect(evaluate(expression)).rejects.toThrow(EvaluationError)
  })

  it('expressions that wait for the thread of an endless expression do not fail: a new thread evaluates them', async () => {
    const evil = compileExpression('$contains(prompt, /^(a+)+$/)')
    const input = { prompt: `${'a'.repeat(50)}b` }

    const all = await Promise.allSettled([evil({ prompt: 'b' }), evil(input), evil({ prompt: 'aaa' })])

    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})

it('an expression with a time limit of its own is ended at this limit, and the next expression is evaluated', async () => {
  const input = { prompt: `${'a'.repeat(50)}b` }
  const bounded = compileExpression('$contains(prompt, /^(a+)+$/)', 50)

  const all = await Promise.allSettled([
    bounded({ prompt: 'b' }),
    bounded(input),
    bounded(input),
    bounded({ prompt: 'a' }),
  ])

  const tooLong = new EvaluationError('takes over 50 ms')
  expect(all).toEqual([
    { status: 'fulfilled', value: false },
    { status: 'rejected', reason: tooLong },
    { status: 'rejected', reason: tooLong },
    { status: 'fulfilled', value: true },
  ])
})

it('the expression of a user waits for at most two of the slow expressions of another user', async () => {
  const bounded = compileExpression('$contains(prompt, /^(a+)+$/)', 50)
  const ended: string[] = []
  const evil = Array.from({ length: 5 }, () =>
    bounded({ prompt: `${'a'.repeat(50)}b` }, 'attacker').catch(() => ended.push('attacker')),
  )
  const good = bounded({ prompt: 'a' }, 'victim').then(() => ended.push('victim'))

  await Promise.all([...evil, good])

  expect(ended.indexOf('victim')).toBeLessThanOrEqual(2)
})

it('each of many simultaneous expressions has the whole time limit for itself', async () => {
  const list = Array.from({ length: 2_000 }, (_, x) => ({ x }))
  const inPlace = compileExpression('$count(list[x > 10])')
  const inThread = compileExpression('$count(list.(x > 10))')

  const all = await Promise.all(Array.from({ length: 60 }, () => [inPlace({ list }), inThread({ list })]).flat())

  expect(new Set(all)).toEqual(new Set([1_989, 2_000]))
})

it.each([
  {},
  { _jsonata_lambda: true },
  { _jsonata_function: true, implementation: 'x', thunk: true },
  {
    _jsonata_lambda: true,
    thunk: true,
    body: { procedure: { type: 'variable', value: 'f' }, arguments: [] },
    environment: { base: {} },
  },
])('a field of a body with the form of JSONata’s internal values does not become code: %j', async field => {
  const evaluated = await evaluate('$lookup($, "field")', { field }).catch((error: unknown) => error)

  if (evaluated instanceof Error) expect(evaluated).toBeInstanceOf(EvaluationError)
  else expect(evaluated).toEqual(field)
})

it('$eval can’t be reached in any way, so no text of a client can run as an expression', async () => {
  await expect(evaluate('$eval("1")')).rejects.toThrow('T1006')
  await expect(evaluate('( $f := $eval; $f("1") )')).rejects.toThrow('T1006')
})

it.each(FUNCTIONS)('the JSONata function $%s, which pipeline.yaml may call, exists', async name => {
  expect(await evaluate(`$type($${name})`)).toBe('function')
})

it('the check of pipeline.yaml accepts each function that Sluice adds to JSONata', () => {
  expect(FUNCTIONS).toEqual(expect.arrayContaining(Object.keys(HELPERS)))
})
