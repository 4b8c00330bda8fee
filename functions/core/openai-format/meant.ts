/**
 * For each field, the values (as JSON) that ask for nothing, because the model does the same without the field. Two more
 * kinds: `tool_choice` and `parallel_tool_calls` have no effect without `tools`, and Sluice itself does the encoding.
 */
const MEANINGLESS: Readonly<Record<string, readonly string[]>> = {
  temperature: ['1'],
  top_p: ['1'],
  stream: ['false'],
  n: ['1'],
  best_of: ['1'],
  echo: ['false'],
  // The value 0 is not in this list: `logprobs: 0` of a completion asks for the log probability of each token.
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
 * Fields that ask for something even if they are an empty object. With an empty `web_search_options`, the model
 * searches the web with default options.
 */
const MEANT_IF_EMPTY: readonly string[] = ['web_search_options']

/**
 * Returns whether a field asks for something. A field that would have no effect is refused only if it asks for
 * something. So a client that sends default values is not refused.
 */
export function isMeant(field: string, value: unknown): boolean {
  if (value === undefined) return false
  const json = JSON.stringify(value)
  if (json === '{}' && MEANT_IF_EMPTY.includes(field)) return true
  return !EMPTY.includes(json) && !(MEANINGLESS[field] ?? []).includes(json)
}
