import * as z from 'zod'

/** The operation of the OpenAI API that a request came by, as OpenAI's SDKs call it. A request of another API has none. */
export const Operation = z.enum(['chat.completions', 'completions', 'embeddings', 'responses'])
export type Operation = z.infer<typeof Operation>
