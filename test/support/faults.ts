import { Unavailable } from '../../functions/core/platform/unavailable.ts'

/** An error of Node for a broken connection to a service. */
export const networkError = (message = 'read ECONNRESET'): Error =>
  Object.assign(new Error(message), { code: 'ECONNRESET' })

/** The error that an AWS client throws if its role may not make the call. */
export const accessDenied = (): Error =>
  Object.assign(new Error('User: x is not authorized to perform: y'), {
    name: 'AccessDeniedException',
    $fault: 'client',
    $metadata: { httpStatusCode: 400 },
  })

/** The error that an adapter throws for an outage. */
export const anOutage = (what = 'the table'): Unavailable => new Unavailable(what, networkError())
