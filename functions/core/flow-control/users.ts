import { createHash } from 'node:crypto'

/**
 * Returns the mark of a user: a number from 1 to 2^24, made from a hash of the user's id. The state of a model has
 * marks instead of ids. So the state stays small and contains no user ids. Two users with the same mark count as one
 * user. So a circuit that is open for one of them also stops the other's calls, until a third user's call succeeds or a
 * probe does.
 */
export const markOf = (userId: string): number => createHash('sha256').update(userId).digest().readUIntBE(0, 3) + 1

/** Returns the marks of the users of some requests. Each mark is listed once. */
export const marksOf = (userIds: readonly string[] = []): readonly number[] => [...new Set(userIds.map(markOf))]
