import * as z from 'zod'

/** The id of the user who owns a request and is charged for it. It has no `#`, so it can be part of a key. */
export const UserId = z.string().regex(/^[A-Za-z0-9._@-]{1,128}$/, 'a user id has 1 to 128 of A-Z a-z 0-9 . _ @ -')

/** The id of a request, a UUIDv7. So ids sort by the time of their creation. */
export const RequestId = z.uuid()

export const Priority = z.enum(['high', 'normal'])
export type Priority = z.infer<typeof Priority>
