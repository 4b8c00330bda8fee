import type { Logger } from '@aws-lambda-powertools/logger'
import type { MiddlewareObj } from '@middy/core'

/**
 * Logs the error that an invocation fails with, and removes its stack. Lambda's runtime logs the error once more, with its
 * stack, which no log may hold.
 */
export const stripErrorStack = (logger: Pick<Logger, 'error'>): MiddlewareObj => ({
  onError: ({ error }) => {
    if (!error) return
    logger.error('the invocation failed', error)
    error.stack = ''
  },
})
