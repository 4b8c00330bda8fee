/** The most tokens that the request allows its answer, by any of the names that bound an estimate. Nothing if it allows any number. */
export const OUTPUT_BOUND =
  '(parameters.max_tokens ?? parameters.max_completion_tokens ?? parameters.max_output_tokens ?? max_tokens ?? max_completion_tokens ?? max_output_tokens)'

/** A chat of `messages`, or of the prompt and `parameters.system`, as OpenAI has it. */
export const CHAT = `messages ? messages : [
    parameters.system ? { "role": "system", "content": parameters.system },
    { "role": "user", "content": prompt }
  ]`

/** The roles whose messages some APIs take apart from the others. */
const SYSTEM_ROLES = '["system", "developer"]'
export const TALK = `messages[$not(role in ${SYSTEM_ROLES})]`
export const INSTRUCTIONS = `messages[role in ${SYSTEM_ROLES}]`

// The tokens of a chat: its texts, as the default rule counts a prompt, and a flat amount per picture or file, whose base64 says nothing of
// its tokens. The largest bound counts, since a client may give several.
const TEXTS = '$bytes($join([messages.content[$type($) = "string"], messages.content.text, parameters.system]))'
const ATTACHMENTS = '$count(messages.content[$type($) = "object" and $not(type = "text") and $not($exists(text))])'
const INPUT = `$ceil(${TEXTS} / 4) + 1000 * ${ATTACHMENTS}`
const BOUNDS = ['parameters.', '']
  .flatMap(at => ['max_tokens', 'max_completion_tokens', 'max_output_tokens'].map(name => `${at}${name}`))
  .join(', ')

/**
 * The tokens of a request with a list of `messages`. For a request without, it gives nothing, and the default rule counts: that rule knows the prompt.
 */
export const CHAT_ESTIMATE = `$type(messages) = "array" ? ${INPUT} + (($max([${BOUNDS}][$type($) = "number"]) * (parameters.n ?? n ?? 1)) ?? ${INPUT})`
