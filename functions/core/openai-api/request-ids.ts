/** What clients may put before the id of a request, since OpenAI's own ids begin so. */
const PREFIX = /^(?:resp_|chatcmpl-|cmpl-)/

/** Returns the id of a request, as a client names it. It may be no id at all. */
export const requestIdOf = (named: string): string => named.replace(PREFIX, '')
