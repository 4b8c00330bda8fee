import { randomInt } from 'node:crypto'
import * as z from 'zod'
import { arn } from '../arn.ts'
import { readSecrets, SECRETS_FILE } from '../secrets-file.ts'
import { created, physicalName, propertiesOf, type ResourceType, unsupported } from './resource.ts'

const Properties = z.object({
  Name: z.string().optional(),
  SecretString: unsupported,
  GenerateSecretString: z.object({
    SecretStringTemplate: z.string(),
    GenerateStringKey: z.string(),
    PasswordLength: z.coerce.number().default(32),
    ExcludePunctuation: z.literal(true, { error: 'must be true: the local system generates letters and digits' }),
  }),
})

/** A secret with a generated value. The value is generated once and kept in the data folder. */
export const secret: ResourceType = async (declared, system) => {
  const { Name, GenerateSecretString } = await propertiesOf(declared, Properties)
  const name = Name ?? physicalName(system, declared)
  const secretArn = arn('secretsmanager', `secret:${name}`)
  const known = readSecrets(system.data.path)
  const value = known[secretArn] ?? generate(GenerateSecretString)
  // The file keeps all other secrets, too, also those of earlier templates. So a later start with such a template finds its secrets unchanged. The emulator
  // of the RDS Data API finds the role of each secret in this file.
  system.data.writeJson(SECRETS_FILE, { ...known, [secretArn]: value })
  system.aws.secrets.set(name, value)
  return created(secretArn, { Id: secretArn })
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function generate(how: z.infer<typeof Properties>['GenerateSecretString']): string {
  const { SecretStringTemplate, GenerateStringKey, PasswordLength } = how
  const password = Array.from({ length: PasswordLength }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return JSON.stringify({ ...JSON.parse(SecretStringTemplate), [GenerateStringKey]: password })
}
