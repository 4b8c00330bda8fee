/** Numbers from 0 up to 1, evenly spread; passed in, so that tests and simulations choose them. */
export type Random = () => number

export const systemRandom: Random = Math.random
