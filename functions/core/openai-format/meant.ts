/** Values that ask for nothing, as JSON: they are what a model does anyway. */
const MEANINGLESS: Readonly<Record<string, readonly string[]>> = {
  temperature: ['1'],
  top_p: ['1'],
  n: ['1'],
  best_of: ['1'],
  echo: ['false'],
  // Not 0: `logprobs: 0` of a completion asks for the log probability of each token.
  logprobs: ['false'],
  top_logprobs: ['0'],
  presence_penalty: ['0'],
  frequency_penalty: ['0'],
  parallel_tool_calls: ['true', 'false'],
  tool_choice: ['"auto"', '"none"'],
  response_format: ['{"type":"text"}'],
  modalities: ['["text"]'],
  truncation: ['"disabled"'],
  encoding_format: ['"float"', '"base64"'],
}

const EMPTY = ['[]', '{}', '""', 'null']

/** Fields that ask for something by an empty object: the model searches the web, with options that are all left to it. */
const MEANT_IF_EMPTY: readonly string[] = ['web_search_options']

/** Returns whether a field asks for something. Where nobody sees the field, only such a field has to be refused. */
export function isMeant(field: string, value: unknown): boolean {
  if (value === undefined) return false
  const json = JSON.stringify(value)
  if (json === '{}' && MEANT_IF_EMPTY.includes(field)) return true
  return !EMPTY.includes(json) && !(MEANINGLESS[field] ?? []).includes(json)
}
