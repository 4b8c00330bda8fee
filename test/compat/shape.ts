/**
 * The shape of a value, as a text: the names and types of its fields, and the values of fields that decide which other fields there
 * are, such as `type` and `status`.
 */
export function shapeOf(value: unknown, path = ''): string {
  if (Array.isArray(value)) return `[${value.length === 0 ? '' : shapeOf(value[0], path)}]`
  if (typeof value !== 'object' || value === null) {
    const isChosen = /\.(type|status|code|v)$/.test(path)
    return isChosen ? String(value) : typeof value
  }
  const isMap = /\.(open|leases|metadata|inline)$/.test(path)
  const entries = Object.entries(value)
  if (isMap) return entries.length === 0 ? '{}' : '{…}'
  const fields = entries.map(([name, field]) => `${name}: ${shapeOf(field, `${path}.${name}`)}`)
  return `{ ${fields.sort().join(', ')} }`
}
