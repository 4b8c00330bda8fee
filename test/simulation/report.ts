import type { History } from './history.ts'

const LINE_LENGTH = 240

/** Formats a history for people, with short ids and short lines. */
export function report(history: History): string {
  const names = new Map<string, string>()
  const short = (id: string, prefix: string) => {
    const name = names.get(id) ?? `${prefix}${names.size + 1}`
    names.set(id, name)
    return name
  }
  const lines = history.lines.map(line => {
    const readable = line
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, id => short(id, 'request-'))
      .replaceAll(/[0-9a-f]{64}/g, hash => short(hash, 'hash-'))
    return readable.length > LINE_LENGTH ? `${readable.slice(0, LINE_LENGTH)} …` : readable
  })
  return lines.map((line, i) => `${String(i + 1).padStart(4)}  ${line}`).join('\n')
}
