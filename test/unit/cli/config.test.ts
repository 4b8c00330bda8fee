import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configCheck, configSchema } from '../../../lib/cli/config.ts'

describe('config check', () => {
  const bad = join(mkdtempSync(join(tmpdir(), 'sluice-cli-')), 'bad.yaml')
  writeFileSync(bad, 'name: sluice\nname: twice\n')

  it('says that a file is right', () => {
    expect(configCheck('pipeline.yaml', {}, { json: false })).toEqual({
      exitCode: 0,
      lines: ['pipeline.yaml is valid: models text; plans free, pro'],
    })
  })

  it('names each mistake in a line of its own', () => {
    expect(configCheck(bad, {}, { json: false })).toEqual({
      exitCode: 1,
      lines: [`${bad}:2:1: the key name is there twice in this mapping; keep one`],
    })
  })

  it('gives the same as JSON', () => {
    const right = configCheck('pipeline.yaml', {}, { json: true })
    const wrong = configCheck(bad, {}, { json: true })

    expect(JSON.parse(right.lines.join('\n'))).toEqual({
      ok: true,
      name: 'sluice',
      models: ['text'],
      plans: ['free', 'pro'],
    })
    expect(wrong.exitCode).toBe(1)
    expect(JSON.parse(wrong.lines.join('\n'))).toEqual({
      ok: false,
      problems: [{ file: bad, line: 2, column: 1, message: 'the key name is there twice in this mapping; keep one' }],
    })
  })
})

it('config schema prints the JSON Schema', () => {
  expect(JSON.parse(configSchema().lines.join('\n'))).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
  })
})
