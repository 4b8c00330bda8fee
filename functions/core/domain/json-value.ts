/** An object of JSON. Its fields have not been checked. */
export type Json = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is Json => isContainer(value) && !Array.isArray(value)

/** Returns whether a value is a list or an object. */
export const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null
