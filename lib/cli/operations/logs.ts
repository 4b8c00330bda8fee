import type { Admin } from '../admin.ts'
import type { LogLine } from '../logs/port.ts'
import { Refusal } from '../refusal.ts'

/** Returns the log lines of all functions about a request, oldest first. */
export const linesOf = ({ logs }: Pick<Admin, 'logs'>, requestId: string): Promise<LogLine[]> =>
  logs.find(requestId, madeAt(requestId))

/** Returns the lines of `linesOf`. Throws `Refusal` if there are none. */
export async function logsOf(ports: Pick<Admin, 'logs'>, requestId: string): Promise<LogLine[]> {
  const lines = await linesOf(ports, requestId)
  if (lines.length === 0)
    throw new Refusal(`no function has logged anything of the request ${requestId}, or its lines are no longer kept`)
  return lines
}

/**
 * Log lines are searched from this long before the request was made, in milliseconds. The reason: the clocks of
 * functions may differ a little, so a line may seem older than the request.
 */
const MARGIN_MS = 60_000

/**
 * Returns the time from which the lines of an id are searched. A UUIDv7 begins with the time of its creation. For any
 * other id, the time is not known, so all lines are searched.
 */
const madeAt = (id: string): number =>
  id[14] === '7' ? Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) - MARGIN_MS : 0

export interface TailFilter {
  readonly model?: string | undefined
  readonly user?: string | undefined
}

/** Returns whether a line is about the given model and the given user. */
export function isAbout(line: LogLine, { model, user }: TailFilter): boolean {
  const isOfModel = model === undefined || line.fields.model === model || line.function === `worker-${model}`
  return isOfModel && (user === undefined || line.fields.user_id === user)
}
