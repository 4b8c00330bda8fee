const BOUNDS = ['parameters.', '']
  .flatMap(at => ['max_tokens', 'max_completion_tokens', 'max_output_tokens'].map(name => `${at}${name}`))
  .join(', ')

/**
 * The JSONata of the most tokens that the request allows for its answer: the largest of its limits, as in the usual
 * estimate. If the request has no limit, the expression gives nothing.
 */
export const OUTPUT_BOUND = `$max([${BOUNDS}][$type($) = "number"])`

/** The JSONata of a chat in OpenAI's form. It is made from `messages`, or from the prompt and `parameters.system`. */
export const CHAT = `messages ? messages : [
    parameters.system ? { "role": "system", "content": parameters.system },
    { "role": "user", "content": prompt }
  ]`

/** The roles whose messages some APIs expect in a separate field. */
const SYSTEM_ROLES = '["system", "developer"]'
export const TALK = `messages[$not(role in ${SYSTEM_ROLES})]`
export const INSTRUCTIONS = `messages[role in ${SYSTEM_ROLES}]`

// The tokens of a chat: its texts are counted as the usual estimate counts a prompt. A picture or file counts as a fixed
// number of tokens, because the length of its base64 does not show its tokens.
const TEXTS = '$bytes($join([messages.content[$type($) = "string"], messages.content.text, parameters.system]))'
const ATTACHMENTS = '$count(messages.content[$type($) = "object" and $not(type = "text") and $not($exists(text))])'
const INPUT = `$ceil(${TEXTS} / 4) + 1000 * ${ATTACHMENTS}`
/**
 * The JSONata of the estimate of a request with a list of `messages`. For a request without such a list, or with an empty
 * list, the expression gives nothing. Then the usual estimate is used, which counts the prompt.
 */
export const CHAT_ESTIMATE = `messages ? ${INPUT} +
  ((${OUTPUT_BOUND} * $max([1, parameters.n, n][$type($) = "number"])) ?? ${INPUT})`
