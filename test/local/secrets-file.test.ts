import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LocalError } from '../../lib/local/error.ts'
import { readSecrets, SECRETS_FILE } from '../../lib/local/secrets-file.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-secrets-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a data folder without a secrets file has no secrets', () => {
  expect(readSecrets(folder)).toEqual({})
})

test.each(['', '{"arn:a": "kept', '[1]'])(
  'a damaged secrets file (%j) is refused, so that no new secrets overwrite it',
  text => {
    writeFileSync(join(folder, SECRETS_FILE), text)

    expect(() => readSecrets(folder)).toThrow(LocalError)
    expect(() => readSecrets(folder)).toThrow('secrets.json is damaged: restore the file')
  },
)

test('the secrets of an undamaged secrets file are returned by ARN', () => {
  writeFileSync(join(folder, SECRETS_FILE), '{"arn:a":"kept"}')

  expect(readSecrets(folder)).toEqual({ 'arn:a': 'kept' })
})
