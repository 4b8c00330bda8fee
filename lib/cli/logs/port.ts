import { Refusal } from '../refusal.ts'

/** A line that a function has logged. */
export interface LogLine {
  /** Epoch milliseconds. */
  readonly at: number
  /** The name of the function that wrote the line, such as `worker-text`. */
  readonly function: string
  readonly level: string
  readonly message: string
  /** The other fields of the line. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** Reads the logs of a system's functions. */
export interface LogSource {
  /** The time between two reads of new lines, in milliseconds. */
  readonly everyMs: number
  /** Returns the lines with this text that were written at `since` or later (epoch milliseconds), oldest first. */
  find(text: string, since: number): Promise<LogLine[]>
  /** Begins to follow the logs at `now`. Returns a function: each call of it returns the new lines, oldest first. */
  follow(now: number): Promise<() => Promise<LogLine[]>>
}

const none = async (): Promise<never> => {
  throw new Refusal('the logs of this system are not known here')
}

/** The logs of a system whose data folder is not known. */
export const NO_LOGS: LogSource = { everyMs: 1_000, find: none, follow: none }
