/**
 * Returns a number from 0 up to 1, evenly distributed. Code that needs random numbers gets this function as a
 * parameter, so that tests and simulations can choose the numbers.
 */
export type Random = () => number

export const systemRandom: Random = Math.random
