import type { Command } from 'commander'
import type { Answer, Run } from '../answer.ts'
import { lifetime, userId } from '../arguments.ts'
import { columns, facts } from '../columns.ts'
import type { CreatedKey, KeyView } from '../operations/keys.ts'
import { watchable } from '../watch.ts'

/** Adds the command `sluice keys create|list|revoke|rotate` */
export function addKeys(program: Command, run: Run): void {
  const keys = program.command('keys').description('API keys')
  keys
    .command('create')
    .description('create a key, and its user if the user does not exist')
    .requiredOption('--user <user>', 'the user that calls with the key', userId)
    .option('--plan <plan>', "the user's plan from now on")
    .option(
      '--expires <duration>',
      'the time for which the key is valid, such as 90d, or never; 365d by default',
      lifetime,
    )
    .action(({ user, plan, expires }: { user: string; plan?: string; expires?: number | 'never' }) =>
      run(async admin => {
        const { createKey } = await operations()
        const { created, was, disabled } = await createKey(admin, { user, plan, expires_in: expires })
        return {
          json: created,
          lines: [...describe(created), ...planLine(created, was), ...disabledLine(created, disabled), ONCE],
        }
      }),
    )
  watchable(keys.command('list'))
    .description('list the keys, oldest first')
    .option('--user <user>', 'only keys of one user', userId)
    .action(({ user, watch }: { user?: string; watch?: number }) =>
      run(async admin => listed(await (await operations()).listKeys(admin, user)), { watch }),
    )
  keys
    .command('revoke')
    .description('revoke a key: it is no longer accepted')
    .argument('<key-id>')
    .action((keyId: string) => run(async admin => revoked(await (await operations()).revokeKey(admin, keyId))))
  keys
    .command('rotate')
    .description('revoke a key, and create a new one that is valid for the same time')
    .argument('<key-id>')
    .action((keyId: string) =>
      run(async admin => {
        const { rotateKey } = await operations()
        const created = await rotateKey(admin, keyId)
        const json = { ...created, revoked: keyId }
        return { json, lines: [...describe(created), `The key ${keyId} is revoked, ${WITHIN}.`, ONCE] }
      }),
    )
}

/** Loads the operations. They load the clients of AWS, which a command that only prints help does not need. */
const operations = () => import('../operations/keys.ts')

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
  const day = (time: string) => time.slice(0, 10)
  const rows = keys.map(({ key_id, user, created_at, expires_at, state }) => [
    key_id,
    user,
    day(created_at),
    expires_at === undefined ? 'never' : day(expires_at),
    state,
  ])
  return {
    json: keys,
    lines: [],
    table: width => columns(['key id', 'user', 'created', 'expires', 'state'], rows, width),
  }
}

const revoked = (key: KeyView): Answer => ({
  json: key,
  lines: [`The key ${key.key_id} of ${key.user} is revoked, ${WITHIN}.`],
})
