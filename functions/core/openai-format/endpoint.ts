import * as z from 'zod'
import { Operation } from '../domain/operation.ts'

/** An endpoint that has the OpenAI API: its name of the model, and the URL of each operation. */
export const OpenAiEndpoint = z.strictObject({ model: z.string(), urls: z.record(Operation, z.url()) })
export type OpenAiEndpoint = z.infer<typeof OpenAiEndpoint>
