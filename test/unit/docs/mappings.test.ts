import { readFileSync } from 'node:fs'
import jsonata from 'jsonata'
import { describe, expect, it } from 'vitest'
import { compileExpression } from '../../../functions/core/expressions/expression.ts'
import { isBounded } from '../../../functions/core/expressions/is-bounded.ts'
import { checkMapping } from '../../../lib/config/mapping.ts'
import { readSource } from '../../../lib/config/source-document.ts'

interface Example {
  expression: string
  input: string
  output: string
}

const PAGE = readFileSync('docs/mappings.md', 'utf8')
const fences = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)\`\`\`$`, 'gms'))].map(([, text = '']) => text)

/** Examples in JSONata: a line has an expression and a comment, `input → output`. */
const inJsonata = fences('jsonata')
  .flatMap(text => text.trim().split('\n'))
  .map((line): Example => {
    const [, expression = '', input = '', output = ''] = /^(.*?) +\/\* (.*) → (.*) \*\/$/.exec(line) ?? []
    return { expression, input, output }
  })

/** Examples in YAML: a key of pipeline.yaml with its expression, and then `# input → output`. */
const inYaml = fences('yaml').map((text): Example => {
  const [, input = '', output = ''] = /^# (.*) → (.*)$/m.exec(text) ?? []
  const [expression] = Object.values(readSource(text, {}).toData() as Record<string, string>)
  return { expression: expression ?? '', input, output }
})

describe('each example of docs/mappings.md', () => {
  const examples = [...inJsonata, ...inYaml]

  it('is found in the page by this test, so no example stays untested', () => {
    const arrows = PAGE.split('\n').filter(line => / → .*( \*\/|[\]}])$/.test(line))
    expect(examples).toHaveLength(arrows.length)
    expect(examples.length).toBeGreaterThan(25)
  })

  it.each(examples)(
    'an example gives the documented output: $expression for $input',
    async ({ expression, input, output }) => {
      const evaluated = compileExpression(expression)(JSON.parse(input))

      expect(checkMapping(expression)).toBeUndefined()
      if (output.startsWith('fails: ')) await expect(evaluated).rejects.toThrow(output.slice('fails: '.length))
      else expect(await evaluated).toEqual(output === 'nothing' ? undefined : JSON.parse(output))
    },
  )
})

describe('the table of fast and slow expressions in docs/mappings.md', () => {
  const rows = [...PAGE.matchAll(/^\| (fast|slow) \| `(.*)` \|/gm)].map(([, speed = '', expression = '']) => ({
    speed,
    expression,
  }))

  it('has both fast and slow expressions', () => {
    expect(new Set(rows.map(({ speed }) => speed))).toEqual(new Set(['fast', 'slow']))
  })

  it.each(rows)(
    'lists $expression as $speed, which agrees with the check that chooses how Sluice evaluates it',
    ({ speed, expression }) => {
      expect(isBounded(jsonata(expression).ast())).toBe(speed === 'fast')
    },
  )
})
