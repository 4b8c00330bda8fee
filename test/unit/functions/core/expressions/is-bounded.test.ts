import { describe, expect, it } from 'vitest'
import { isBounded } from '../../../../../functions/core/expressions/is-bounded.ts'
import { prepare } from '../../../../../functions/core/expressions/prepare.ts'

const check = (expression: string) => isBounded(prepare(expression).ast())

describe('isBounded', () => {
  it.each([
    '{ "model_input": prompt, "parameters": parameters, "request_id": request_id }',
    '{ "result": choices[0].message.content, "usage": usage }',
    '{ "result": $[0].generated_text }',
    'messages ? messages : [{ "role": "user", "content": prompt }]',
    'parameters.temperature ?? 0.7',
    'tags[$ = "long"][]',
    '(a; -b.c)',
    '$boolean((model_type = "image" and $exists(size) or not_in in list))',
    '$substring(prompt, 0, 100) & "…"',
    '$contains($lowercase(prompt), "draw")',
    '$merge([parameters, { "stream": false }])',
    '($string($$))[0]',
    '$fromMillis($millis())',
    '$sha256(user_id) & $uuid() & $now()',
    'null',
  ])('accepts fields, literals and functions whose cost is in proportion to them: %s', expression => {
    expect(check(expression)).toBe(true)
  })

  it.each([
    '/a/',
    '$contains(prompt, /a/)',
    '$contains(prompt, other)',
    '$substringBefore(prompt, $uppercase(prompt))',
    '$match(prompt, /a/)',
    '$pad(prompt, width)',
    '$now(picture)',
    '$fromMillis(0, picture)',
    '$join(list, prompt)',
    '$sort(list)',
    '$distinct(list)',
    'list^(x)',
    'list.($$.prompt)',
    'list.{ "x": $$.prompt }',
    'list.$uppercase(x)',
    'list{ k: v }',
    'a@$v.b@$w.c',
    'list#$i.$i',
    'a.%.b',
    '**',
    '*.x',
    '[1..n]',
    '$x := 1',
    'function($x) { $x }',
    '$map(list, $uppercase)',
    'prompt ~> $uppercase',
    '$uppercase(?)',
    '$ ~> |a|{ "b": 1 }|',
    '(a ? $sort(b))',
    '{ "x": [-$sort(b)] }',
    'a[$sort(b)]',
    '(a)[$sort(b)]',
    '(prompt)(1)',
    '$constructor(a)',
  ])('refuses an expression that may take unlimited time or memory: %s', expression => {
    expect(check(expression)).toBe(false)
  })
})
