/** The most characters in a line of a table. */
export const DEFAULT_WIDTH = 80

const GAP = '  '

/** A row of a table, and perhaps a sentence about the row (`note`), which is printed below it. */
export interface NotedRow {
  readonly cells: readonly string[]
  readonly note?: string | undefined
}

type Row = readonly string[] | NotedRow

/**
 * Prints rows in aligned columns under a heading in capitals. No line is wider than `width`: a cell that is too long
 * continues in the next line, in its own column.
 */
export function columns(heading: readonly string[], rows: readonly Row[], width = DEFAULT_WIDTH): string[] {
  const noted = rows.map(row => ('cells' in row ? row : { cells: row }))
  const all = [heading.map(name => name.toUpperCase()), ...noted.map(({ cells }) => cells)]
  const widths = fittingWidths(all, width)
  return all.flatMap((cells, i) => [...lay(cells, widths), ...noteOf(noted[i - 1]?.note, width)])
}

/** Prints the facts about one thing, one per line. Facts without a value are left out. */
export function facts(named: Record<string, string | undefined>): string[] {
  const rows = Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  const widest = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(widest)}${GAP}${value}`.trimEnd())
}

/**
 * Shrinks columns until a row fits. The first step splits no words. If this is not enough, the next step splits words
 * in all columns except the first, which has the names of the rows. The last step splits words in the first column,
 * too.
 */
function fittingWidths(rows: readonly (readonly string[])[], width: number): number[] {
  const cellsOf = (column: number) => rows.map(row => row[column] ?? '')
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...cellsOf(column).map(cell => cell.length)))
  const least = widths.map((_, column) =>
    Math.max(...cellsOf(column).flatMap(cell => cell.split(' ').map(word => word.length))),
  )
  const total = () => widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1))
  const shrink = (bounds: readonly number[]) => {
    while (total() > width) {
      const widest = widths.reduce(
        (best, one, i) => (one > (bounds[i] ?? 0) && one > (widths[best] ?? 0) ? i : best),
        -1,
      )
      const found = widest < 0 ? widths.findIndex((one, i) => one > (bounds[i] ?? 0)) : widest
      if (found < 0) return
      widths[found] = (widths[found] ?? 1) - 1
    }
  }
  shrink(least)
  shrink(widths.map((one, column) => (column === 0 ? one : Math.min(one, NARROW))))
  shrink(widths.map(one => Math.min(one, NARROW)))
  return widths
}

/** If its words must be split, a column does not become narrower than this number of characters. */
const NARROW = 8

function lay(cells: readonly string[], widths: readonly number[]): string[] {
  const wrapped = cells.map((cell, i) => wrap(cell, Math.max(1, widths[i] ?? cell.length)))
  const height = Math.max(1, ...wrapped.map(lines => lines.length))
  return Array.from({ length: height }, (_, line) =>
    wrapped
      .map((lines, i) => (lines[line] ?? '').padEnd(widths[i] ?? 0))
      .join(GAP)
      .trimEnd(),
  )
}

const noteOf = (note: string | undefined, width: number): string[] =>
  note === undefined ? [] : wrap(note, width - GAP.length).map(line => GAP + line)

/** Breaks a text into lines: between words, and in a word that is longer than a line. */
export function wrap(text: string, width: number): string[] {
  if (text.length <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).flatMap(one => piecesOf(one, width))) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const piecesOf = (word: string, width: number): string[] =>
  Array.from({ length: Math.max(1, Math.ceil(word.length / width)) }, (_, i) => word.slice(i * width, (i + 1) * width))
