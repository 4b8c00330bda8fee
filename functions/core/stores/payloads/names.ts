import type { RequestItem } from '../../domain/item.ts'

type Owned = Pick<RequestItem, 'user_id' | 'request_id'>

/** The body of a request. */
export const bodyKey = (request: Owned): string => `${folderOf(request)}/body.json`

/** The result of an attempt: what counts can't be overwritten by another. */
export const resultKey = ({ run, attempt, ...request }: Owned & Pick<RequestItem, 'run' | 'attempt'>): string =>
  `${folderOf(request)}/${run}-${attempt}-result.json`

/** The text of a message that an input refused. */
export const refusedInputKey = (queue: string, messageId: string): string => `inputs/${queue}/${messageId}.json`

/** How all keys of a user's requests begin, and no key of another user's. */
export const userFolder = (userId: string): string => `requests/${userId}/`

const folderOf = ({ user_id, request_id }: Owned): string => `${userFolder(user_id)}${request_id}`
