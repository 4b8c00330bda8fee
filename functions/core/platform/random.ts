/**
 * Returns a number from 0 up to 1, evenly distributed. It is passed in, so that tests and simulations can choose the
 * numbers.
 */
export type Random = () => number

export const systemRandom: Random = Math.random
