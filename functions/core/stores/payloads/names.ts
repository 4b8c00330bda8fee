import type { RequestItem } from '../../domain/item.ts'

type Owned = Pick<RequestItem, 'user_id' | 'request_id'>

/** The body of a request. */
export const bodyKey = (request: Owned): string => `${folderOf(request)}/body.json`

/** The result of an attempt. Each attempt has a key of its own, so none overwrites the result that counts. */
export const resultKey = ({ run, attempt, ...request }: Owned & Pick<RequestItem, 'run' | 'attempt'>): string =>
  `${folderOf(request)}/${run}-${attempt}-result.json`

/** The text of a message that an input refused. */
export const refusedInputKey = (queue: string, messageId: string): string => `inputs/${queue}/${messageId}.json`

/** All keys of a user's requests begin with this, and no key of another user does. */
export const userFolder = (userId: string): string => `requests/${userId}/`

const folderOf = ({ user_id, request_id }: Owned): string => `${userFolder(user_id)}${request_id}`
