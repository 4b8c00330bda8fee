import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configCheck, configSchema } from '../../../lib/cli/config.ts'

describe('config check', () => {
  const bad = join(mkdtempSync(join(tmpdir(), 'sluice-cli-')), 'bad.yaml')
  writeFileSync(bad, 'name: sluice\nname: twice\n')

  it('says that a file is right', () => {
    expect(configCheck('pipeline.yaml', {})).toEqual({
      json: { ok: true, name: 'sluice', models: ['text'], plans: ['free', 'pro'] },
      lines: ['pipeline.yaml is valid: models text; plans free, pro'],
    })
  })

  it('names each mistake in a line of its own', () => {
    const message = 'the key name is there twice in this mapping; keep one'

    expect(configCheck(bad, {})).toEqual({
      json: { ok: false, problems: [{ file: bad, line: 2, column: 1, message }] },
      lines: [],
      refusals: [`${bad}:2:1: ${message}`],
    })
  })
})

it('config schema prints the JSON Schema', () => {
  expect(JSON.parse(configSchema().lines.join('\n'))).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
  })
})
