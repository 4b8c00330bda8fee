const BOLD = [1, 22] as const
const RED = [31, 39] as const
const GREEN = [32, 39] as const
const YELLOW = [33, 39] as const

type Colour = readonly [number, number]

/** The cells of tables that get a colour. A cell ends at two spaces or at the end of the line. */
const CELLS: readonly (readonly [RegExp, Colour])[] = [
  [/(?<=^| {2})(?:failed|halted|open|ERROR|revoked|expired|disabled)(?=$| {2})/g, RED],
  [/(?<=^| {2})(?:completed|closed|ok|active|enabled)(?=$| {2})/g, GREEN],
  [/(?<=^| {2})(?:warning|WARN|half open|paused|cancelled)(?=$| {2})/g, YELLOW],
]

const HEADING = /^[A-Z][A-Z0-9]*(?: +[A-Z0-9]+)+$/

const inColour = (text: string, [on, off]: Colour): string => `\u001b[${on}m${text}\u001b[${off}m`

/** Colours a line for a terminal: headings of tables, states, and refusals. */
export function paint(line: string): string {
  if (HEADING.test(line)) return inColour(line, BOLD)
  if (line.startsWith('error: ')) return `${inColour('error:', RED)}${line.slice('error:'.length)}`
  return CELLS.reduce((painted, [pattern, colour]) => painted.replace(pattern, found => inColour(found, colour)), line)
}
