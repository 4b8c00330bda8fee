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
    .description('create a key, and its user if the user does not exist')
    .requiredOption('--user <user>', 'the user that calls with the key', userId)
    .option('--plan <plan>', "the user's plan from now on")
    .option('--expires <duration>', 'how long the key lasts, such as 90d, or never; 365d by default', lifetime)
    .action(({ user, plan, expires }: { user: string; plan?: string; expires?: number | 'never' }) =>
      run(async admin => {
        const { created, was, disabled } = await createKey(admin, { user, plan, expires_in: expires })
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
    .action(({ user }: { user?: string }) => run(async admin => listed(await listKeys(admin, user))))
  keys
    .command('revoke')
    .description('revoke a key: it is no longer accepted')
    .argument('<key-id>')
    .action((keyId: string) => run(async admin => revoked(await revokeKey(admin, keyId))))
  keys
    .command('rotate')
    .description('revoke a key, and create a new one that lasts as long')
    .argument('<key-id>')
    .action((keyId: string) =>
      run(async admin => {
        const created = await rotateKey(admin, keyId)
        const json = { ...created, revoked: keyId }
        return { json, lines: [...describe(created), `The key ${keyId} is revoked, ${WITHIN}.`, ONCE] }
      }),
    )
}

const ONCE = 'This is the only time that the key is shown: only its hash is stored.'
/** The authorizer caches keys for 60 s. */
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
