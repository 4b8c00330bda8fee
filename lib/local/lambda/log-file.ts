import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** A file of log lines. A full file is renamed: it gets the ending `.1`, and replaces the older file with this ending. Then a new file begins. */
export interface LogFile {
  /** Does nothing after the file is closed: a thread that is ending may still have output. */
  append(line: string): void
  close(): void
}

/** The highest size of a log file. A busy system writes this much in some hours. */
const MAX_BYTES = 10 * 1024 * 1024

export function openLogFile(file: string, maxBytes = MAX_BYTES): LogFile {
  let descriptor: number | undefined = open(file)
  let size = statSync(file).size
  const close = () => {
    const closing = descriptor
    descriptor = undefined
    if (closing !== undefined) closeSync(closing)
  }
  const startAnew = () => {
    close()
    if (existsSync(file)) renameSync(file, `${file}.1`)
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    descriptor = open(file)
    size = 0
  }
  return {
    append(line) {
      if (descriptor === undefined) return
      const bytes = Buffer.from(`${line}\n`)
      try {
        if (size > 0 && size + bytes.length > maxBytes) startAnew()
        writeSync(descriptor, bytes)
        size += bytes.length
      } catch {
        // The disk may be full, for example. A log must not stop the system, so the line is lost.
      }
    },
    close,
  }
}

const open = (file: string): number => openSync(file, 'a', 0o600)

/** Returns a function that gets a text in pieces, and calls `take` with each complete line of the text. */
export function lineSplitter(take: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return chunk => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  }
}
