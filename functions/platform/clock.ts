/** Epoch milliseconds. Passed in wherever time matters, so that tests move it. */
export type Clock = () => number

export const systemClock: Clock = () => Date.now()
