/** The index of the quota items in which something may be open, and the attribute that it is an index of. */
export const WATCHED = 'watched'
