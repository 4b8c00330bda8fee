import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { beforeEach, describe, expect, it } from 'vitest'
import { secretsManager } from '../../../../../functions/core/inference/secrets.ts'
import { Defect, Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { movableClock } from '../../../../support/clock.ts'
import { networkError } from '../../../../support/faults.ts'
import { mockClient } from '../../../../support/mock-client.ts'

const client = new SecretsManagerClient({ region: 'us-east-1' })
const secrets = mockClient(client)
beforeEach(() => secrets.reset())

describe('secretsManager', () => {
  it('reads a secret from AWS Secrets Manager once in five minutes', async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretString: 'old' })
    const { clock, advance } = movableClock()
    const read = secretsManager(clock, client)

    expect(await Promise.all([read('NAME'), read('NAME')])).toEqual(['old', 'old'])
    secrets.on(GetSecretValueCommand).resolves({ SecretString: 'new' })
    advance(5 * 60_000 - 1)
    expect(await read('NAME')).toBe('old')
    advance(1)
    expect(await read('NAME')).toBe('new')
    expect(secrets.calls()).toHaveLength(2)
  })

  it('remembers each secret under its own name', async () => {
    secrets.on(GetSecretValueCommand, { SecretId: 'A' }).resolves({ SecretString: 'a' })
    secrets.on(GetSecretValueCommand, { SecretId: 'B' }).resolves({ SecretString: 'b' })
    const read = secretsManager(movableClock().clock, client)

    expect([await read('A'), await read('B')]).toEqual(['a', 'b'])
  })

  it('reads a secret again after a read that failed', async () => {
    secrets.on(GetSecretValueCommand).rejectsOnce(networkError('no connection')).resolves({ SecretString: 'a' })
    const read = secretsManager(movableClock().clock, client)

    await expect(read('NAME')).rejects.toThrow(Unavailable)
    expect(await read('NAME')).toBe('a')
  })

  it('reports a secret without text as a defect', async () => {
    secrets.on(GetSecretValueCommand).resolves({})

    await expect(secretsManager(movableClock().clock, client)('NAME')).rejects.toThrow(Defect)
  })

  it.each(['key\n', 'key\r\n', 'key'])('leaves out the line end of %j', async SecretString => {
    secrets.on(GetSecretValueCommand).resolves({ SecretString })

    expect(await secretsManager(movableClock().clock, client)('NAME')).toBe('key')
  })

  it.each(['a\nsesame', 'sesame\u0000', 'sesame \u{1f600}'])(
    'reports a secret that no header can carry as a defect, and does not quote it: %j',
    async SecretString => {
      secrets.on(GetSecretValueCommand).resolves({ SecretString })

      const failure = await secretsManager(movableClock().clock, client)('NAME').catch(error => error)

      expect(failure).toBeInstanceOf(Defect)
      expect(failure.message).toContain('no HTTP header can carry')
      expect(JSON.stringify([failure.message, failure.stack, failure.cause])).not.toContain('sesame')
    },
  )

  it('reads a secret again if the caller wants a value newer than a given time, and remembers the newer value', async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretString: 'old' })
    const { clock, advance } = movableClock()
    const read = secretsManager(clock, client)
    const startedAt = clock()
    expect(await read('NAME')).toBe('old')
    secrets.on(GetSecretValueCommand).resolves({ SecretString: 'new' })
    advance(10)

    expect(await Promise.all([read('NAME', { after: startedAt }), read('NAME', { after: startedAt })])).toEqual([
      'new',
      'new',
    ])
    expect(await read('NAME')).toBe('new')
    expect(secrets.calls()).toHaveLength(2)
  })

  describe('a secret that is JSON', () => {
    const Secret = '{\n  "apiKey": "sk-sesame\\n",\n  "apiKeyId": 7, "long": "a\\nb", "none": null }\n'

    it.each([
      ['apiKey', 'sk-sesame'],
      ['apiKeyId', '7'],
    ])('gives the value of its field %s', async (field, value) => {
      secrets.on(GetSecretValueCommand).resolves({ SecretString: Secret })

      expect(await secretsManager(movableClock().clock, client)('NAME', { field })).toBe(value)
    })

    it.each([
      [Secret, 'none'],
      [Secret, 'toString'],
      [Secret, 'long'],
      ['sk-sesame', 'apiKey'],
      ['"sk-sesame"', 'length'],
    ])(
      'causes a defect that does not quote the secret if the field is missing, or no HTTP header can carry it: %j %s',
      async (SecretString, field) => {
        secrets.on(GetSecretValueCommand).resolves({ SecretString })
        const read = secretsManager(movableClock().clock, client)

        const failure = await read('NAME', { field }).catch(error => error)

        expect(failure).toBeInstanceOf(Defect)
        expect(failure.message).toMatch(/the field \w+, which endpoint.auth.field names|no HTTP header can carry/)
        expect(JSON.stringify([failure.message, failure.stack, failure.cause])).not.toContain('sesame')
        secrets.on(GetSecretValueCommand).resolves({ SecretString: `{"${field}":"mended"}` })
        expect(await read('NAME', { field })).toBe('mended')
      },
    )
  })
})
