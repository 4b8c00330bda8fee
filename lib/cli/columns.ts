const GAP = '  '

/** Prints rows in aligned columns under a heading in capitals. */
export function columns(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return align([heading.map(name => name.toUpperCase()), ...rows])
}

/** Prints the facts about one thing, one per line. Facts without a value are left out. */
export function facts(named: Record<string, string | undefined>): string[] {
  return align(Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(GAP)
      .trimEnd(),
  )
}
