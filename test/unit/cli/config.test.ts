import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configCheck, configSchema } from '../../../lib/cli/config.ts'

describe('config check', () => {
  const bad = join(mkdtempSync(join(tmpdir(), 'sluice-cli-')), 'bad.yaml')
  const risky = bad.replace('bad.yaml', 'risky.yaml')
  const placeOf = (text: string, part: string) => {
    const before = text.slice(0, text.indexOf(part)).split('\n')
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
  }
  writeFileSync(bad, 'name: sluice\nname: twice\n')

  it('`config check` reports that a file is valid', () => {
    expect(configCheck('pipeline.yaml', {})).toEqual({
      json: { ok: true, name: 'sluice', models: ['text'], plans: ['free', 'pro'] },
      lines: ['pipeline.yaml is valid: models text; plans free, pro'],
    })
  })

  it('`config check` warns of settings that are valid but probably mistakes', () => {
    const text = readFileSync('pipeline.yaml', 'utf8').replace('timeout: 60s', `headers: { X-Team: "\${TEAM_TOKEN}" }`)
    writeFileSync(risky, text)
    const { line, column } = placeOf(text, `"\${TEAM_TOKEN}"`)
    const message = expect.stringMatching(/^models\.text\.endpoint\.headers\.X-Team has \$\{TEAM_TOKEN\}/)

    expect(configCheck(risky, { TEAM_TOKEN: 'hunter2' })).toEqual({
      json: {
        ok: true,
        name: 'sluice',
        models: ['text'],
        plans: ['free', 'pro'],
        warnings: [{ file: risky, line, column, message }],
      },
      lines: [
        expect.stringMatching(new RegExp(`^.*risky\\.yaml:${line}:${column}: warning: models\\.text`)),
        expect.stringMatching(/is valid: models text/),
      ],
    })
  })

  it('`config check` prints one line per mistake', () => {
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
