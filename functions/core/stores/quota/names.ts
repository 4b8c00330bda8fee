/** The index of the quota items that may hold an open reservation, and the attribute that is its key. */
export const WATCHED = 'watched'
