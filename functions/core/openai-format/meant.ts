/** Values of fields, as JSON, that ask for nothing, because a model does the same without them. */
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

/**
 * Fields that ask for something even if they are an empty object: then the model searches the web with its own options.
 */
const MEANT_IF_EMPTY: readonly string[] = ['web_search_options']

/**
 * Returns whether a field asks for something. If a field would have no effect, it is refused only if it asks for
 * something.
 */
export function isMeant(field: string, value: unknown): boolean {
  if (value === undefined) return false
  const json = JSON.stringify(value)
  if (json === '{}' && MEANT_IF_EMPTY.includes(field)) return true
  return !EMPTY.includes(json) && !(MEANINGLESS[field] ?? []).includes(json)
}
