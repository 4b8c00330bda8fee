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
    '$join(content.text)',
    '$join(content.text, ", ")',
    '$bytes(prompt)',
    '$merge([$omit(parameters, "system", "stream"), { "n": 1 }])',
    'messages.{ "role": role, "content": [{ "text": content }] }',
    'list.( $type($) = "string" ? { "text": $ } : $ )',
    'list.[a, b]',
    'list.(-x)',
    'a.{ "b": b.{ "c": $uppercase(c) } }',
    '$sha256(user_id) & $uuid() & $now()',
    'null',
  ])(
    'isBounded accepts an expression of fields, literals, and functions whose cost grows in proportion to their input: %s',
    expression => {
      expect(check(expression)).toBe(true)
    },
  )

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
    'list.{ "x": $$ }',
    'list.[$$.prompt]',
    'list.( { "x": [$$.prompt] } )',
    'list.{ "x": list.{ "y": $$.prompt } }',
    'list.{ "x": $uppercase($$.prompt) }',
    'list.{ "x": (a ? b : $$.prompt) }',
    'list.{ "x": y[$ = $$.prompt] }',
    'list.{ "x": $sort(y) }',
    '$omit(parameters, name)',
    '$omit($sort(a), "b")',
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
  ])(
    'isBounded refuses an expression that may take unlimited time or memory, so that a thread with limits evaluates it: %s',
    expression => {
      expect(check(expression)).toBe(false)
    },
  )
})
