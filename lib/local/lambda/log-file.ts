import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'

export interface LogFile {
  /** Takes any piece of output, and splits it into lines. */
  write(chunk: string): void
  close(): Promise<void>
}

/** Appends a function's output to a file. For each JSON line of level WARN or ERROR, it calls `onTrouble` with the message only. */
export function openLogFile(file: string, onTrouble: (message: string) => void): LogFile {
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
  let rest = ''
  return {
    write(chunk) {
      stream.write(chunk)
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const message = troubleIn(line)
        if (message !== undefined) onTrouble(message)
      }
    },
    async close() {
      stream.end()
      await finished(stream)
    },
  }
}

const TROUBLE = /"(WARN|ERROR)"/

function troubleIn(line: string): string | undefined {
  if (!line.startsWith('{') || !TROUBLE.test(line)) return undefined
  try {
    const entry: { level?: unknown; message?: unknown } = JSON.parse(line)
    return entry.level === 'WARN' || entry.level === 'ERROR' ? String(entry.message) : undefined
  } catch {
    return undefined
  }
}
