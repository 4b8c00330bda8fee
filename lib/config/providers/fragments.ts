const BOUNDS = ['parameters.', '']
  .flatMap(at => ['max_tokens', 'max_completion_tokens', 'max_output_tokens'].map(name => `${at}${name}`))
  .join(', ')

/**
 * The most tokens that the request allows its answer: the largest of its bounds, as the usual estimate takes them. Nothing if it allows any
 * number.
 */
export const OUTPUT_BOUND = `$max([${BOUNDS}][$type($) = "number"])`

/** A chat of `messages`, or of the prompt and `parameters.system`, as OpenAI has it. */
export const CHAT = `messages ? messages : [
    parameters.system ? { "role": "system", "content": parameters.system },
    { "role": "user", "content": prompt }
  ]`

/** The roles whose messages some APIs take apart from the others. */
const SYSTEM_ROLES = '["system", "developer"]'
export const TALK = `messages[$not(role in ${SYSTEM_ROLES})]`
export const INSTRUCTIONS = `messages[role in ${SYSTEM_ROLES}]`

// The tokens of a chat: its texts, as the usual estimate counts a prompt, and a flat amount per picture or file, whose base64 says nothing of
// its tokens.
const TEXTS = '$bytes($join([messages.content[$type($) = "string"], messages.content.text, parameters.system]))'
const ATTACHMENTS = '$count(messages.content[$type($) = "object" and $not(type = "text") and $not($exists(text))])'
const INPUT = `$ceil(${TEXTS} / 4) + 1000 * ${ATTACHMENTS}`
/**
 * The tokens of a request with a list of `messages`. For a request without, or with an empty list, it gives nothing, and the usual
 * estimate counts: that one knows the prompt, which the model gets then.
 */
export const CHAT_ESTIMATE = `messages ? ${INPUT} +
  ((${OUTPUT_BOUND} * $max([1, parameters.n, n][$type($) = "number"])) ?? ${INPUT})`
