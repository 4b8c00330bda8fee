import * as z from 'zod'

/**
 * An operation of the operator's command line on the broker. The broker is private, so a function performs the
 * operation. `queue` is a name within the deployment. For an input, `queue` is its whole name.
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

/** The answer to an operation. `unavailable` says why the broker could not be asked. */
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
