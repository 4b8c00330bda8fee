import type { Command } from 'commander'
import { lasting } from '../age.ts'
import type { Run } from '../answer.ts'
import { quotaWindow, userId } from '../arguments.ts'
import { columns, facts } from '../columns.ts'
import type { QuotaView } from '../operations/quota.ts'
import type { NamedWindow } from '../window-name.ts'

/** Adds the command `sluice quota show` */
export function addQuota(program: Command, run: Run): void {
  program
    .command('quota')
    .description('the usage of users')
    .command('show')
    .description("show a user's counters in a window, and the user's open reservations")
    .argument('<user>', '', userId)
    .option(
      '--window <window>',
      'a day such as 2026-11-23, or an hour such as 2026-11-23T10; now by default',
      quotaWindow,
    )
    .action((user: string, { window }: { window?: NamedWindow }) =>
      run(async admin => {
        const { showQuota } = await import('../operations/quota.ts')
        const quota = await showQuota(admin, user, window)
        return { json: quota, lines: describe(quota) }
      }),
    )
}

function describe({ user, plan, window, resets_at, requests, tokens, in_flight, cost, open }: QuotaView): string[] {
  const usage = facts({
    user,
    plan,
    window: `${window}, until ${resets_at}`,
    requests: `${requests.used} of ${requests.limit}`,
    tokens: `${tokens.used} of ${tokens.limit}, ${tokens.reserved} of them reserved`,
    'in flight': `${in_flight.used} of ${in_flight.limit}`,
    ...(cost !== undefined && { cost: `${cost} USD` }),
  })
  const rows = open.map(o => [o.request_id, String(o.run), String(o.tokens), lasting(1000 * o.age_seconds)])
  return open.length === 0 ? usage : [...usage, '', ...columns(['open reservation', 'run', 'tokens', 'age'], rows)]
}
