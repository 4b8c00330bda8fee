import type { Command } from 'commander'
import type { Limits } from '../../../functions/core/domain/limits.ts'
import type { Answer, Run } from '../answer.ts'
import { limit, userId } from '../arguments.ts'
import { columns, facts } from '../columns.ts'
import type { DeletedUser } from '../operations/delete-user.ts'
import type { UserView } from '../operations/users.ts'
import { Refusal } from '../refusal.ts'
import { watchable } from '../watch.ts'

interface SetOptions {
  plan?: string
  requests?: number | 'default'
  tokens?: number | 'default'
  inFlight?: number | 'default'
}

type Ask = (question: string) => Promise<string>

/** Adds the command `sluice users set|show|list|disable|enable|delete` */
export function addUsers(program: Command, run: Run, ask?: Ask): void {
  const users = program.command('users').description('users, their plans and limits')
  const set: Command = users
    .command('set')
    .description(
      'change or create a user; a limit that is set here replaces the limit of the plan, until it is set to "default"',
    )
    .argument('<user>', '', userId)
    .option('--plan <plan>', 'a plan of the pipeline file')
    .option('--requests <n>', 'requests per window, instead of the limit of the plan', limit)
    .option('--tokens <n>', 'tokens per window, instead of the limit of the plan', limit)
    .option('--in-flight <n>', 'requests that wait or run at the same time, instead of the limit of the plan', limit)
    .action(async (userId: string, { inFlight, ...options }: SetOptions) => {
      const changes = { ...options, in_flight: inFlight }
      if (Object.values(changes).every(change => change === undefined))
        set.error('error: nothing to set: give --plan, --requests, --tokens or --in-flight')
      await run(async admin => {
        const { setUser } = await operations()
        const { user, was } = await setUser(admin, userId, changes)
        const what = was ? 'These limits apply within 60 s.' : `The user ${userId} is new.`
        return { json: user, lines: [...describe(user), what] }
      })
    })
  for (const [name, isAllowed, what] of [
    ['disable', false, 'refuse all keys and messages of a user'],
    ['enable', true, 'accept the keys and messages of a user again'],
  ] as const)
    users
      .command(name)
      .description(what)
      .argument('<user>', '', userId)
      .action((userId: string) =>
        run(async admin => {
          const { allowUser } = await operations()
          const user = await allowUser(admin, userId, isAllowed)
          return { json: user, lines: [...describe(user), `The user ${userId} is ${name}d, with effect within 60 s.`] }
        }),
      )
  users
    .command('show')
    .description('show a user, and the limits that apply')
    .argument('<user>', '', userId)
    .action((userId: string) =>
      run(async admin => {
        const { showUser } = await operations()
        const user = await showUser(admin, userId)
        return { json: user, lines: describe(user) }
      }),
    )
  watchable(users.command('list'))
    .description('list all users, with their plans and the limits that apply')
    .action(({ watch }: { watch?: number }) =>
      run(async admin => listed(await (await operations()).listUsers(admin)), { watch }),
    )
  addDelete(users, run, ask)
}

const operations = () => import('../operations/users.ts')

function listed(users: readonly UserView[]): Answer {
  const rows = users.map(({ user, effective_plan, limits, disabled_at }) => [
    user,
    effective_plan,
    String(limits.requests),
    String(limits.tokens),
    String(limits.in_flight),
    disabled_at === undefined ? 'enabled' : 'disabled',
  ])
  const heading = ['user', 'plan', 'requests', 'tokens', 'in flight', 'state']
  return { json: users, lines: [], table: width => columns(heading, rows, width) }
}

function addDelete(users: Command, run: Run, ask?: Ask): void {
  users
    .command('delete')
    .description('delete a user and all data of the user')
    .argument('<user>', '', userId)
    .option('--yes', 'do not ask first')
    .addHelpText('after', DELETE_HELP)
    .action(async (userId: string, { yes }: { yes?: boolean }) => {
      if (ask && !yes) await confirm(ask, userId)
      await run(async (admin, tell) => {
        const { deleteUser } = await import('../operations/delete-user.ts')
        const deleted = await deleteUser(admin, userId, tell)
        return { json: deleted, lines: [sentenceOfDeleted(deleted)] }
      })
    })
}

/**
 * Asks for confirmation at a terminal, where the user's id may be mistyped. A script is not asked: it passes --yes, or
 * has no terminal. Throws `Refusal` if the answer is not the user's id.
 */
async function confirm(ask: Ask, userId: string): Promise<void> {
  const what = `the keys, requests, prompts, results and dead letters of ${userId}`
  const typed = await ask(`This deletes ${what}, and can not be undone. Type the user's id to go on: `)
  if (typed.trim() !== userId) throw new Refusal(`nothing was deleted: that is not ${userId}`)
}

const DELETE_HELP = `
At a terminal, the command asks first. It disables the user, cancels the user's requests, and waits for a minute and a half,
because the keys may be accepted for that long. It waits less if the user was disabled before. It refuses, with exit code 1,
while a request of the user runs. A repeated command continues where the last one stopped, and deletes the data that late messages
have written since then. docs/runbook.md lists the data that stays in backups and logs, and for how long.

With --json: { "user", "keys", "requests", "rows", "dead_letters", "objects", "quota_items" }: the number of each that this run has
deleted.`

function sentenceOfDeleted({ user, ...counts }: DeletedUser): string {
  if (Object.values(counts).every(count => count === 0)) return `Nothing is left of ${user}.`
  const parts = Object.entries(counts).map(([name, count]) => `${name.replaceAll('_', ' ')} ${count}`)
  return `The user ${user} is deleted: ${parts.join(', ')}.`
}

function describe({ user, plan, effective_plan, overrides, limits, disabled_at }: UserView): string[] {
  const show = (name: keyof Limits): string =>
    `${limits[name]}${overrides[name] === undefined ? '' : ` (the user's own)`}`
  return facts({
    user,
    plan: plan === effective_plan ? plan : `${plan}, which pipeline.yaml no longer has: ${effective_plan} applies`,
    requests: show('requests'),
    tokens: show('tokens'),
    'in flight': show('in_flight'),
    disabled: disabled_at,
  })
}
