/**
 * The field `trouble` of a warning about a state that lasts, such as an open circuit. `lasts`: the state goes on until another line tells its
 * end, however quiet the log is meanwhile. `ends`: this is that line.
 */
export type TroubleState = 'lasts' | 'ends'
