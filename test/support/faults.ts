import { Unavailable } from '../../functions/core/platform/unavailable.ts'

/** An error of Node's: the connection to a service broke. */
export const networkError = (message = 'read ECONNRESET'): Error =>
  Object.assign(new Error(message), { code: 'ECONNRESET' })

/** What an AWS client throws if its role may not make the call. */
export const accessDenied = (): Error =>
  Object.assign(new Error('User: x is not authorized to perform: y'), {
    name: 'AccessDeniedException',
    $fault: 'client',
    $metadata: { httpStatusCode: 400 },
  })

/** An outage, as an adapter throws it. */
export const anOutage = (what = 'the table'): Unavailable => new Unavailable(what, networkError())
