import * as z from 'zod'
import type { Template } from './assembly.ts'

const Policy = z.object({ PolicyDocument: z.object({ Statement: z.array(z.looseObject({ Action: z.unknown() })) }) })
const InlinePolicies = z.object({ Policies: z.array(Policy) })

/** Secrets Manager adds six characters to a name; policies have `?` for them. */
const SECRET_ARN = /:secret:([^"]+)-\?{6}$/

/** The names of the secrets that the template's policies let functions read: those that the operator keeps, not those of the stack. */
export function secretsGranted({ Resources }: Template): string[] {
  return Object.values(Resources)
    .flatMap(({ Properties }) => [Properties, ...(InlinePolicies.safeParse(Properties).data?.Policies ?? [])])
    .flatMap(properties => Policy.safeParse(properties).data?.PolicyDocument.Statement ?? [])
    .filter(({ Action }) => [Action].flat().includes('secretsmanager:GetSecretValue'))
    .flatMap(({ Resource }) => textsIn(Resource))
    .flatMap(text => SECRET_ARN.exec(text)?.[1] ?? [])
}

/** All texts in a value, those that an intrinsic joins included. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}
