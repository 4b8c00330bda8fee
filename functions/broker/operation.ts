import * as z from 'zod'

/**
 * An operation of the operator's command line on the broker. The command line can't reach the broker, which is in a
 * private network. So this function performs the operation. `queue` is a queue's name without the prefix of the
 * deployment. For an input, `queue` is the whole name.
 */
export const Operation = z.discriminatedUnion('operation', [
  z.object({ operation: z.literal('count'), queue: z.string() }),
  z.object({ operation: z.literal('exists'), queue: z.string() }),
  z.object({ operation: z.literal('count left'), inputs: z.array(z.string()) }),
  z.object({
    operation: z.literal('send'),
    queue: z.string(),
    body: z.unknown(),
    group: z.string(),
    gives_way: z.boolean().optional(),
    attributes: z.record(z.string(), z.string()).optional(),
  }),
  z.object({ operation: z.literal('find missing') }),
  z.object({ operation: z.literal('return results') }),
  z.object({ operation: z.literal('send input'), queue: z.string(), text: z.string() }),
])
export type Operation = z.infer<typeof Operation>

/** The answer to an operation. `unavailable` has the reason if the broker could not be reached. */
export const Performed = z.union([
  z.object({ count: z.int() }),
  z.object({ exists: z.boolean() }),
  z.object({ messages: z.record(z.string(), z.int()) }),
  z.object({ missing: z.array(z.string()) }),
  z.object({ sent: z.boolean() }),
  z.object({ returned: z.int(), left: z.int() }),
  z.object({ unavailable: z.string() }),
])
export type Performed = z.infer<typeof Performed>
