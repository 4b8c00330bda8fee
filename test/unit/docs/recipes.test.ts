import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const page = readFileSync('docs/recipes.md', 'utf8')
const files = readdirSync('docs/recipes')
const modelsOf = (file: string) => readFileSync(`docs/recipes/${file}`, 'utf8').replace(/^.*?^(?=models:$)/ms, '')

it('docs/recipes.md shows the models of each recipe exactly as in the recipe’s pipeline file', () => {
  const shown = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text)

  expect(shown.toSorted()).toEqual(files.map(modelsOf).toSorted())
})

it.each(files)('docs/recipes.md has a link to %s, and a comment in this file says how to start the recipe', file => {
  expect(page).toContain(`(recipes/${file})`)
  expect(readFileSync(`docs/recipes/${file}`, 'utf8')).toMatch(
    RegExp(`^# .*(SLUICE_CONFIG|config)=docs/recipes/${file}`, 'm'),
  )
})
