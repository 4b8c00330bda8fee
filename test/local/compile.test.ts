import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { compile } from '../../lib/compile.ts'
import { temporaryFolder } from './fixtures/template.ts'

it('compile can run several times at once, and a file that can’t be compiled does not affect the compilation of the other files', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'good.ts'), 'export const answer: number = 42')
  writeFileSync(join(folder, 'bad.ts'), 'export const =')
  const build = (name: string, to: string) =>
    compile({ entryPoints: [join(folder, name)], outfile: join(folder, to), format: 'esm' })

  const results = await Promise.allSettled([
    build('good.ts', '1.mjs'),
    build('bad.ts', '2.mjs'),
    build('good.ts', '3.mjs'),
  ])

  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  for (const name of ['1.mjs', '3.mjs']) expect(readFileSync(join(folder, name), 'utf8')).toContain('answer = 42')
})
