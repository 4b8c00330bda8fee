import type { Logger } from '@aws-lambda-powertools/logger'
import type { MiddlewareObj } from '@middy/core'

/**
 * Lets an invocation fail by our own line: Lambda's runtime logs what a handler rejects with, and the stack, which no log may
 * hold, in a line of its own.
 */
export const rejectPlainly = (logger: Pick<Logger, 'error'>): MiddlewareObj => ({
  onError: ({ error }) => {
    if (!error) return
    logger.error('the invocation failed', error)
    error.stack = ''
  },
})
