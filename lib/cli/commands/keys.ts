import type { Command } from 'commander'
import type { Answer, Run } from '../answer.ts'
import { lifetime, userId } from '../arguments.ts'
import { columns, facts } from '../columns.ts'
import { type CreatedKey, createKey, type KeyView, listKeys, revokeKey, rotateKey } from '../operations/keys.ts'

/** `sluice keys create|list|revoke|rotate` */
export function addKeys(program: Command, run: Run): void {
  const keys = program.command('keys').description('API keys')
  keys
    .command('create')
    .description('make a key for a user, and the user if there is none of that name')
    .requiredOption('--user <user>', 'who calls with it', userId)
    .option('--plan <plan>', "the user's plan from now on")
    .option('--expires <duration>', 'how long the key lasts, such as 90d, or never; 365d by default', lifetime)
    .action(({ user, plan, expires }: { user: string; plan?: string; expires?: number | 'never' }) =>
      run(async operator => {
        const { created, was, disabled } = await createKey(operator, { user, plan, expires_in: expires })
        return {
          json: created,
          lines: [...describe(created), ...planLine(created, was), ...disabledLine(created, disabled), ONCE],
        }
      }),
    )
  keys
    .command('list')
    .description('the keys, oldest first')
    .option('--user <user>', 'only those of one user', userId)
    .action(({ user }: { user?: string }) => run(async operator => listed(await listKeys(operator, user))))
  keys
    .command('revoke')
    .description('make a key worthless')
    .argument('<key-id>')
    .action((keyId: string) => run(async operator => revoked(await revokeKey(operator, keyId))))
  keys
    .command('rotate')
    .description('replace a key by a new one that lasts as long, and revoke it')
    .argument('<key-id>')
    .action((keyId: string) =>
      run(async operator => {
        const created = await rotateKey(operator, keyId)
        const json = { ...created, revoked: keyId }
        return { json, lines: [...describe(created), `The key ${keyId} is revoked, ${WITHIN}.`, ONCE] }
      }),
    )
}

const ONCE = 'This is the only time that the key is shown: only its hash is stored.'
/** The authorizer's answers are cached for so long. */
const WITHIN = 'with effect within 60 s'

const describe = ({ key, key_id, user, plan, expires_at }: CreatedKey): string[] =>
  facts({ key, 'key id': key_id, user, plan, expires: expires_at ?? 'never' })

function planLine({ user, plan }: CreatedKey, was: string | undefined): string[] {
  if (was === undefined) return [`The user ${user} is new.`]
  return was === plan ? [] : [`The plan of ${user} was ${was} and is ${plan} now, ${WITHIN}.`]
}

const disabledLine = ({ user }: CreatedKey, disabled: boolean): string[] =>
  disabled ? [`The user ${user} is disabled: the key lets nobody in before users enable ${user}.`] : []

function listed(keys: readonly KeyView[]): Answer {
  const rows = keys.map(key => [key.key_id, key.user, key.created_at, key.expires_at ?? 'never', key.state])
  return { json: keys, lines: columns(['key id', 'user', 'created', 'expires', 'state'], rows) }
}

const revoked = (key: KeyView): Answer => ({
  json: key,
  lines: [`The key ${key.key_id} of ${key.user} is revoked, ${WITHIN}.`],
})
