/** The prefixes that clients may put before the id of a request, because OpenAI's ids have them. */
const PREFIX = /^(?:resp_|chatcmpl-|cmpl-)/

/** Returns the id in a client's text, without a prefix of OpenAI. It may not be a valid id. */
export const requestIdOf = (named: string): string => named.replace(PREFIX, '')
