import * as z from 'zod'

/** The abilities of a model of pipeline.yaml that decide which calls to the OpenAI API it can serve. */
export const Abilities = z.strictObject({
  /** Whether the model's endpoint has the OpenAI API, so that the body is passed on without a mapping. */
  passes: z.boolean(),
  /**
   * The fields of a request that its `request` mapping names. If it names `parameters`, the model gets all parameters.
   * A parameter that the model would not get is refused.
   */
  names: z.array(z.string()),
  /** Whether its `response` mapping gives embeddings. */
  embeddings: z.boolean(),
})
export type Abilities = z.infer<typeof Abilities>

/** The abilities by model. */
export const AbilitiesByModel = z.record(z.string(), Abilities)
