import { type JsonSchema, plainJsonSchema } from './json-schema.ts'

const INTRODUCTION = `# pipeline.yaml

<!-- Generated from lib/config/schema.ts by \`npm run generate\`. -->

The file pipeline.yaml configures a deployment of Sluice. \`npx sluice config check [FILE]\` checks the file, and names each mistake with
its line and column. \`npm start\` and \`npx cdk deploy\` refuse a file with mistakes before anything starts. For completion in an editor,
put this on the first line of the file:

    # yaml-language-server: $schema=docs/pipeline.schema.json

- **Variables**: \`\${NAME}\` and \`\${NAME:default}\` in a value are replaced by the environment variable NAME. The default may be empty. It may
  contain colons, but no \`}\`. A variable without a value and without a default is refused. \`$\${NAME}\` gives the text \`\${NAME}\`. Put a
  value with a variable in quotes if YAML would misread it, for example inside \`{ }\`. In JSONata, write \`$ {\` for a group-by over the
  context, since \`\${name: …}\` is a variable.
- **Secrets**: all values of the file, including the values of variables, can be read in the code of the deployed functions. So don't write
  a secret into the file. Use \`auth\`, which names a secret of AWS Secrets Manager. \`npx sluice config check\`, \`npm start\` and
  \`npx cdk synth\` warn about a value that looks like a secret.
- **Durations** are a whole number and a unit: \`250ms\`, \`30s\`, \`5m\`, \`1h\`, \`4d\`.
- **Mappings and conditions** are [JSONata](https://docs.jsonata.org). They are compiled when the file is checked. [mappings.md](mappings.md) describes their input and output.
`

/** Writes the reference of the pipeline file in Markdown, with one table per YAML mapping. */
export function pipelineReference(): string {
  return [INTRODUCTION, ...sections(plainJsonSchema(), [])].join('\n')
}

function sections(schema: JsonSchema, path: string[]): string[] {
  const nested = children(schema, path).flatMap(([child, childPath]) => sections(child, childPath))
  return schema.properties ? [table(schema, path), ...nested] : nested
}

// Lists the YAML mappings inside a value, with their paths: `models.<name>.endpoint`, `routing[]`.
function children(
  { properties = {}, additionalProperties, items, anyOf = [] }: JsonSchema,
  path: string[],
): [JsonSchema, string[]][] {
  const found: [JsonSchema, string[]][] = []
  for (const [key, child] of Object.entries(properties)) found.push([child, [...path, key]])
  if (additionalProperties) found.push([additionalProperties, [...path, '<name>']])
  if (items) found.push([items, [...path.slice(0, -1), `${path.at(-1)}[]`]])
  for (const form of anyOf) found.push([form, path])
  return found
}

function table({ title, properties = {}, required = [], else: otherwise }: JsonSchema, path: string[]): string {
  const rows = Object.entries(properties).map(([key, schema]) => {
    const withoutProvider = otherwise?.required?.includes(key) ? '*required* without `provider`' : code(schema.default)
    const preset = required.includes(key) ? '*required*' : withoutProvider
    return `| \`${key}\` | ${form(schema)} | ${preset} | ${meaning(schema)} |`
  })
  const heading = path.length === 0 ? '## The file' : `## \`${path.join('.')}\`${title ? `, ${title}` : ''}`
  return `${[heading, '', '| key | value | default | meaning |', '|---|---|---|---|', ...rows].join('\n')}\n`
}

function form(schema: JsonSchema): string {
  const { type, title, enum: words, const: only, minimum = 0, maximum = 0, items, additionalProperties, anyOf } = schema
  if (anyOf) return [...new Set(anyOf.map(form))].join(' or ')
  if (title && type !== 'object') return title
  if (only !== undefined) return code(only)
  if (words) return words.map(code).join(' or ')
  if (items) return `list of ${items.type === 'object' ? 'mappings' : form(items)}`
  if (additionalProperties) return `name: ${form(additionalProperties)}`
  switch (type) {
    case 'integer':
    case 'number':
      return `${minimum.toLocaleString('en-US')} to ${maximum.toLocaleString('en-US')}`
    case 'boolean':
      return '`true` or `false`'
    case 'object':
      return 'mapping'
    default:
      return 'text'
  }
}

function meaning({ description = '', default: preset, examples = [] }: JsonSchema): string {
  const shown =
    preset === undefined ? examples : examples.filter(example => JSON.stringify(example) !== JSON.stringify(preset))
  return `${description}${shown.length > 0 ? ` Example: ${shown.map(code).join(', ')}` : ''}`
}

function code(value: unknown): string {
  if (value === undefined || JSON.stringify(value) === '{}') return ''
  const text = typeof value === 'string' ? value.replace(/^.* $/, '"$&"') : flow(value)
  return `\`${text.replaceAll('|', '\\|')}\``
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{ ${Object.entries(value)
    .map(([key, item]) => `${key}: ${flow(item)}`)
    .join(', ')} }`
}
