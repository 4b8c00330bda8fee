import type { RequestItem } from '../../domain/item.ts'

type Owned = Pick<RequestItem, 'user_id' | 'request_id'>

/** Returns the key of a request's body in the payload store. */
export const bodyKey = (request: Owned): string => `${folderOf(request)}/body.json`

/**
 * Returns the key of an attempt's result. Each attempt has its own key, so no attempt overwrites the result that
 * counts.
 */
export const resultKey = ({ run, attempt, ...request }: Owned & Pick<RequestItem, 'run' | 'attempt'>): string =>
  `${folderOf(request)}/${run}-${attempt}-result.json`

/** Returns the key of the text of a message that the intake has refused. */
export const refusedInputKey = (queue: string, messageId: string): string => `inputs/${queue}/${messageId}.json`

/**
 * Returns the beginning of all keys of a user's requests. No key of another user begins with this text, so a deletion
 * by this prefix deletes no data of others.
 */
export const userFolder = (userId: string): string => `requests/${userId}/`

const folderOf = ({ user_id, request_id }: Owned): string => `${userFolder(user_id)}${request_id}`
