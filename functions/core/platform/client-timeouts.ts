/**
 * How an AWS client is told not to wait for a server that says nothing: by itself, the SDK would wait for as long as the
 * function may run. Three tries of so many milliseconds each, with the SDK's backoff between them; then the call rejects.
 */
export const impatient = (ms: number) => ({
  maxAttempts: 3,
  requestHandler: {
    connectionTimeout: Math.min(ms, 1_000),
    // Until an answer begins; from then on for each silence within it.
    requestTimeout: ms,
    socketTimeout: ms,
    throwOnRequestTimeout: true,
  },
})
