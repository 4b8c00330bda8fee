import * as z from 'zod'

/**
 * The operation of the OpenAI API that the client of a request called. The names are those of OpenAI's SDKs. A request
 * of another API has no operation.
 */
export const Operation = z.enum(['chat.completions', 'completions', 'embeddings', 'responses'])
export type Operation = z.infer<typeof Operation>
