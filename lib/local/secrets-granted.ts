import * as z from 'zod'
import type { Template } from './assembly.ts'

const Policy = z.object({ PolicyDocument: z.object({ Statement: z.array(z.looseObject({ Action: z.unknown() })) }) })
const InlinePolicies = z.object({ Policies: z.array(Policy) })

/** The ARN of a secret in a policy. Secrets Manager adds six random characters to a secret's name, so policies have six `?` at the end. */
const SECRET_ARN = /:secret:([^"]+)-\?{6}$/

/**
 * Lists the names of the secrets that the operator has made and that the template's policies let functions read. Secrets that the stack itself
 * creates are not in the list.
 */
export function secretsGranted({ Resources }: Template): string[] {
  return Object.values(Resources)
    .flatMap(({ Properties }) => [Properties, ...(InlinePolicies.safeParse(Properties).data?.Policies ?? [])])
    .flatMap(properties => Policy.safeParse(properties).data?.PolicyDocument.Statement ?? [])
    .filter(({ Action }) => [Action].flat().includes('secretsmanager:GetSecretValue'))
    .flatMap(({ Resource }) => textsIn(Resource))
    .flatMap(text => SECRET_ARN.exec(text)?.[1] ?? [])
}

/** Lists all texts in a value, also the texts inside intrinsics. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
