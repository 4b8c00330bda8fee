import type { Admin } from '../admin.ts'
import type { LogLine } from '../logs/port.ts'
import { Refusal } from '../refusal.ts'

/** What every function has logged of a request, oldest first. */
export const linesOf = ({ logs }: Pick<Admin, 'logs'>, requestId: string): Promise<LogLine[]> =>
  logs.find(requestId, madeAt(requestId))

/** The same. Throws `Refusal` if there is nothing. */
export async function logsOf(ports: Pick<Admin, 'logs'>, requestId: string): Promise<LogLine[]> {
  const lines = await linesOf(ports, requestId)
  if (lines.length === 0)
    throw new Refusal(`no function has logged anything of the request ${requestId}, or its lines are no longer kept`)
  return lines
}

/** Clocks of functions may differ a little. */
const MARGIN_MS = 60_000

/** A UUIDv7 begins with the time at which it was made. Of any other id, nobody knows it. */
const madeAt = (id: string): number =>
  id[14] === '7' ? Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) - MARGIN_MS : 0

export interface TailFilter {
  readonly model?: string | undefined
  readonly user?: string | undefined
}

/** Returns whether a line is about a model and a user, where they are given. */
export function isAbout(line: LogLine, { model, user }: TailFilter): boolean {
  const isOfModel = model === undefined || line.fields.model === model || line.function === `worker-${model}`
  return isOfModel && (user === undefined || line.fields.user_id === user)
}
