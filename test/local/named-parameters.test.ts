import { expect, test } from 'vitest'
import { rewriteNamedParameters } from '../../lib/local/rds-data/named-parameters.ts'

test.for([
  ['SELECT :a, :b, :a', 'SELECT $1, $2, $1', ['a', 'b']],
  ['SELECT :a::uuid, b::text, :c ::json', 'SELECT $1::uuid, b::text, $2 ::json', ['a', 'c']],
  ["SELECT ':a', 'it''s :b', :c", "SELECT ':a', 'it''s :b', $1", ['c']],
  ["SELECT E'\\':a', e'\\\\', :b", "SELECT E'\\':a', e'\\\\', $1", ['b']],
  ["SELECT NAME':a\\', :b", "SELECT NAME':a\\', $1", ['b']],
  ['SELECT ":a", "x"":b", :c', 'SELECT ":a", "x"":b", $1', ['c']],
  ['SELECT 1 -- :a\n, :b', 'SELECT 1 -- :a\n, $1', ['b']],
  ['SELECT /* :a\n:b */ :c', 'SELECT /* :a\n:b */ $1', ['c']],
  ['DO $$ :a $$, $body$ :b $$ $body$, :c', 'DO $$ :a $$, $body$ :b $$ $body$, $1', ['c']],
  ['SELECT list[1:2], :a', 'SELECT list[1:2], $1', ['a']],
  ['VALUES (:id_1,:id_10)', 'VALUES ($1,$2)', ['id_1', 'id_10']],
  ['SELECT x:=:a', 'SELECT x:=$1', ['a']],
  ['', '', []],
] as const)('named parameters are numbered: %s', ([sql, expected, names]) => {
  expect(rewriteNamedParameters(sql)).toEqual({ sql: expected, names })
})
