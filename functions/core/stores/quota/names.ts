/**
 * The name of the index of the quota items that may hold an open reservation. The attribute that is the key of this
 * index has the same name.
 */
export const WATCHED = 'watched'
