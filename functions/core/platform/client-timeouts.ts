/**
 * Returns the settings with which an AWS client stops waiting for a silent server. By default, the SDK waits as long as
 * the function may run. With these settings, it makes three tries of `ms` milliseconds, with its backoff between them.
 * Then the call rejects.
 */
export const clientTimeouts = (ms: number) => ({
  maxAttempts: 3,
  requestHandler: {
    connectionTimeout: Math.min(ms, 1_000),
    // The longest time until the answer begins. `socketTimeout` is the longest silence within the answer.
    requestTimeout: ms,
    socketTimeout: ms,
    throwOnRequestTimeout: true,
  },
})
