import { createHash } from 'node:crypto'

/**
 * Returns a short mark of a user, 1 to 2^24. The state of a model has marks instead of ids, so it stays small and
 * contains no user ids. Two users with the same mark count as one user. At worst, this opens a circuit a little later.
 */
export const markOf = (userId: string): number => createHash('sha256').update(userId).digest().readUIntBE(0, 3) + 1

/** Returns the marks of the users of some requests, each once. */
export const marksOf = (userIds: readonly string[] = []): readonly number[] => [...new Set(userIds.map(markOf))]
