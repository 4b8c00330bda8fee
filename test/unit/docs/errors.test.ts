import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FAILURE_CODES } from '../../../functions/core/domain/errors.ts'
import { STATUSES } from '../../../functions/core/inference-api/errors.ts'

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
const [answers = '', failures = ''] = page.split('## Codes of a failed request')
const firstCells = (text: string) => [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code)

describe('docs/errors.md', () => {
  it('has exactly one row for each error code of the API, with its status', () => {
    const rows = [...answers.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [code, Number(status)])
    expect(Object.fromEntries(rows)).toEqual(STATUSES)
  })

  it('has exactly one row for each code of a failed request', () => {
    expect(firstCells(failures)).toEqual([...FAILURE_CODES])
  })
})
