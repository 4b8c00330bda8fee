import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { type LogGroup, logGroupsOf } from './log-groups.ts'
import { byTime, isNoLogLine, readLogLine } from './log-line.ts'
import type { LogLine, LogSource } from './port.ts'

/**
 * Each read begins this much before the newest line that was found, in milliseconds. The reason: a line may arrive in
 * CloudWatch some seconds after it was written.
 */
const LATE_MS = 20_000
/**
 * The time between two reads, in milliseconds. CloudWatch allows few of these queries per second and account, and each
 * read makes one query per log group.
 */
const EVERY_MS = 5_000
/** The most pages that are read per log group. The lines of later pages are left out. */
const MAX_PAGES = 50

/**
 * Makes the source of a deployed stack's logs, which reads the log groups of its functions. The client is loaded at its
 * first use.
 */
export function cloudWatchLogs(stack: string): LogSource {
  let opening: Promise<Opened> | undefined
  const opened = () => {
    opening ??= open(stack).catch((error: unknown) => {
      opening = undefined
      throw error
    })
    return opening
  }
  return {
    everyMs: EVERY_MS,
    find: async (text, since) => byTime((await linesOf(await opened(), since, `"${text}"`)).map(({ line }) => line)),
    async follow(now) {
      const logs = await opened()
      const known = new Set<string>()
      let since = now
      return async () => {
        const lines = (await linesOf(logs, since)).filter(({ id }) => !known.has(id))
        for (const { id } of lines) known.add(id)
        const sorted = byTime(lines.map(({ line }) => line))
        since = Math.max(since, (sorted.at(-1)?.at ?? 0) - LATE_MS)
        return sorted
      }
    },
  }
}

interface Opened {
  readonly client: CloudWatchLogsClient
  readonly groups: readonly LogGroup[]
}

async function open(stack: string): Promise<Opened> {
  const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs')
  return { client: new CloudWatchLogsClient(), groups: await logGroupsOf(stack) }
}

async function linesOf(
  { client, groups }: Opened,
  since: number,
  filterPattern?: string,
): Promise<{ id: string; line: LogLine }[]> {
  const { paginateFilterLogEvents } = await import('@aws-sdk/client-cloudwatch-logs')
  const found = await Promise.all(
    groups.map(async ({ name, group }) => {
      const lines: { id: string; line: LogLine }[] = []
      const query = { logGroupName: group, startTime: since, ...(filterPattern !== undefined && { filterPattern }) }
      let pages = 0
      for await (const { events = [] } of paginateFilterLogEvents({ client }, query)) {
        for (const { eventId = '', timestamp = 0, message = '' } of events)
          if (!isNoLogLine(message.trim()))
            lines.push({ id: eventId, line: readLogLine(message.trim(), name, timestamp) })
        pages += 1
        if (pages === MAX_PAGES) break
      }
      return lines
    }),
  )
  return found.flat()
}
