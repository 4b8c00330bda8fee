import type { Logger } from '@aws-lambda-powertools/logger'
import type { MiddlewareObj } from '@middy/core'

/**
 * Logs the error of a failed invocation, and removes its stack. Lambda's runtime logs the error once more with its
 * stack, and no log may contain a stack.
 */
export const stripErrorStack = (logger: Pick<Logger, 'error'>): MiddlewareObj => ({
  onError: ({ error }) => {
    if (!error) return
    logger.error('the invocation failed', error)
    error.stack = ''
  },
})
