import * as z from 'zod'
import { RequestId, UserId } from '../../../functions/core/domain/ids.ts'

export const NONE = z.strictObject({})
export const NO_BODY = NONE.optional()

const MAX_PAGE = 500

/** Makes the schema of the number of entries per page. */
export const limitOf = (usual: number) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE)
    .default(usual)
    .describe(`the highest number of entries per page, from 1 to ${MAX_PAGE}; default ${usual}`)

export const ModelParams = z.strictObject({ model: z.string().min(1).describe('a model of pipeline.yaml') })
export const RequestParams = z.strictObject({ id: RequestId.describe('the id of a request') })
export const UserParams = z.strictObject({ user: UserId.describe('the id of a user') })
export const LetterParams = z.strictObject({
  name: z.string().min(1).describe('the id of a request, or of a dead letter without a request'),
})
