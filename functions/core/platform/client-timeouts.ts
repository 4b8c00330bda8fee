/**
 * Returns the settings with which an AWS client gives up on a server that says nothing. By default, the SDK waits for
 * as long as the function may run. With these, it makes three tries of `ms` milliseconds, with its backoff between
 * them; then the call rejects.
 */
export const clientTimeouts = (ms: number) => ({
  maxAttempts: 3,
  requestHandler: {
    connectionTimeout: Math.min(ms, 1_000),
    // The time until the answer begins. `socketTimeout` bounds each silence within the answer.
    requestTimeout: ms,
    socketTimeout: ms,
    throwOnRequestTimeout: true,
  },
})
