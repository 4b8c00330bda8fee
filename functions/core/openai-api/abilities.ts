import * as z from 'zod'

/** What a model of pipeline.yaml can do with a body of the OpenAI API. */
export const Abilities = z.strictObject({
  /** Its endpoint has the OpenAI API, and gets the body as it is. */
  passes: z.boolean(),
  /** The fields of a request that its `request` mapping names. With `parameters`, it takes all parameters. */
  names: z.array(z.string()),
  /** Its `response` mapping gives embeddings. */
  embeddings: z.boolean(),
})
export type Abilities = z.infer<typeof Abilities>

/** The abilities by model. */
export const AbilitiesByModel = z.record(z.string(), Abilities)
