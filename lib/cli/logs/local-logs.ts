import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { byTime, isNoLogLine, readLogLine } from './log-line.ts'
import type { LogLine, LogSource } from './port.ts'

/** Matches `worker-text.log`, and `worker-text.log.1`, which has older lines. */
const LOG_FILE = /^(.+)\.log(\.1)?$/

/** Makes the source of a local system's logs, which reads the files in its data folder. */
export function localLogs(dataFolder: string): LogSource {
  const folder = join(dataFolder, 'logs')
  const files = async (): Promise<string[]> => (await readdir(folder)).filter(name => LOG_FILE.test(name))
  return {
    everyMs: 1_000,
    async find(text, since) {
      const found = await Promise.all((await files()).map(name => linesWith(join(folder, name), nameOf(name), text)))
      return byTime(found.flat().filter(({ at }) => at >= since))
    },
    async follow() {
      const ends = new Map<string, number>()
      for (const name of await files()) ends.set(name, (await stat(join(folder, name))).size)
      return async () => {
        const current = (await files()).filter(name => name.endsWith('.log'))
        const found = await Promise.all(current.map(name => linesAfter(join(folder, name), name, ends)))
        return byTime(found.flat())
      }
    },
  }
}

const nameOf = (file: string): string => LOG_FILE.exec(file)?.[1] ?? file

async function linesWith(path: string, functionName: string, text: string): Promise<LogLine[]> {
  const found: LogLine[] = []
  const file = await open(path)
  // A line without a time, such as one of a stack trace, gets the time of the line that was found before it.
  let at = 0
  for await (const line of file.readLines()) {
    if (!line.includes(text) || isNoLogLine(line)) continue
    const read = readLogLine(line, functionName, at)
    at = read.at
    found.push(read)
  }
  return found
}

/**
 * Returns the complete lines that were added to a file since the last read. If the file is shorter than at
 * the last read, it is a new file and is read from its start.
 */
async function linesAfter(path: string, name: string, ends: Map<string, number>): Promise<LogLine[]> {
  const { size } = await stat(path)
  const known = ends.get(name) ?? 0
  const from = size < known ? 0 : known
  if (size === from) return []
  const file = await open(path)
  try {
    const text = await textOf(file, from, size)
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    ends.set(name, from + Buffer.byteLength(whole))
    return whole
      .split('\n')
      .filter(line => !isNoLogLine(line))
      .map(line => readLogLine(line, nameOf(name), Date.now()))
  } finally {
    await file.close()
  }
}

async function textOf(file: FileHandle, from: number, to: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from)
  return buffer.subarray(0, bytesRead).toString('utf8')
}
