import type { Command } from 'commander'
import type { Follow, Run } from '../answer.ts'
import { requestId, userId } from '../arguments.ts'
import { logJson, logText } from '../log-text.ts'

/** How often new lines are looked for, in milliseconds. */
const EVERY_MS = 1_000

/** `sluice logs` and `sluice tail`: the logs of the functions, here or in CloudWatch. */
export function addLogs(program: Command, run: Run, follow: Follow): void {
  program
    .command('logs')
    .description('what every function has logged of a request, oldest line first; times are UTC')
    .argument('<request-id>', '', requestId)
    .addHelpText('after', LOGS_HELP)
    .action((id: string) =>
      run(async admin => {
        const { logsOf } = await import('../operations/logs.ts')
        const lines = await logsOf(admin, id)
        return { json: lines.map(logJson), lines: lines.map(logText) }
      }),
    )
  program
    .command('tail')
    .description('what happens now, a line each, until Ctrl-C: ends of requests, retries, circuits, errors')
    .option('--model <model>', 'only lines about one model')
    .option('--user <user>', 'only lines about one user', userId)
    .addHelpText('after', TAIL_HELP)
    .action((filter: { model?: string; user?: string }) =>
      follow(async (admin, feed) => {
        const { isAbout } = await import('../operations/logs.ts')
        const newLines = await admin.logs.follow(admin.clock())
        do {
          for (const line of await newLines()) if (isAbout(line, filter)) feed.print(logText(line), logJson(line))
        } while (await feed.wait(EVERY_MS))
      }),
    )
}

const LOGS_HELP = `
With --json: [ { "at", "function", "level", "message", … } ], with the other fields of each line. No line has a prompt, a result or a
key. With --target aws, the lines come from CloudWatch Logs, some seconds after they were written.`

const TAIL_HELP = `
With --json: one JSON object per line, as logs has them.`
