/**
 * The field `trouble` of a warning about a state that lasts, such as an open circuit. `lasts`: the state goes on until another line tells its
 * end, however quiet the log is meanwhile. `ends`: this is that line.
 */
export type TroubleState = 'lasts' | 'ends'

/** The field `trouble_of`: what the state is about. A line that tells an end ends the states of the same function about the same. */
export type TroubleTopic = 'circuit' | 'halt' | 'telemetry'

export interface TroubleFields {
  readonly trouble: TroubleState
  readonly trouble_of: TroubleTopic
}

export const lasts = (topic: TroubleTopic): TroubleFields => ({ trouble: 'lasts', trouble_of: topic })
export const ends = (topic: TroubleTopic): TroubleFields => ({ trouble: 'ends', trouble_of: topic })
