import type { Command } from 'commander'
import type { Follow, Run } from '../answer.ts'
import { requestId, userId } from '../arguments.ts'
import { logJson, logText } from '../log-text.ts'

/**
 * Adds the commands `sluice logs` and `sluice tail`. They print the functions' logs, which are files on this machine or
 * are in CloudWatch.
 */
export function addLogs(program: Command, run: Run, follow: Follow): void {
  program
    .command('logs')
    .description('print the log lines of all functions about a request, oldest line first; times are UTC')
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
    .description('print one line per event, as it happens, until Ctrl-C: ends of requests, retries, circuits, errors')
    .option('--model <model>', 'only lines about one model')
    .option('--user <user>', 'only lines about one user', userId)
    .addHelpText('after', TAIL_HELP)
    .action((filter: { model?: string; user?: string }) =>
      follow(async (admin, feed) => {
        const [{ isAbout }, { goOn }] = await Promise.all([import('../operations/logs.ts'), import('../go-on.ts')])
        const newLines = await admin.logs.follow(admin.clock())
        const { read, waitMs } = goOn(feed.note)
        do {
          const lines = (await read(newLines)) ?? []
          for (const line of lines) if (isAbout(line, filter)) feed.print(logText(line), logJson(line))
        } while (await feed.wait(waitMs(admin.logs.everyMs)))
      }),
    )
}

const LOGS_HELP = `
With --json: [ { "at", "function", "level", "message", … } ], with the other fields of each line. No line has a prompt, a result or a
key. With --target aws, the lines come from CloudWatch Logs, some seconds after they were written.`

const TAIL_HELP = `
With --json: one JSON object per line, with the same fields as in the output of logs.`
