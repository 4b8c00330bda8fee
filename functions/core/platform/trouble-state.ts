/**
 * The field `trouble` of a warning about a lasting state, such as an open circuit. Tools that read the log use it to
 * show whether the trouble is over. `lasts`: the state goes on until another line reports its end, also if the log has
 * no further lines meanwhile. `ends`: the line reports the end of the state.
 */
export type TroubleState = 'lasts' | 'ends'

/**
 * The field `trouble_of`: the topic of the state. A line with `ends` ends the states of the same function with the same
 * topic.
 */
export type TroubleTopic = 'circuit' | 'halt' | 'telemetry'

export interface TroubleFields {
  readonly trouble: TroubleState
  readonly trouble_of: TroubleTopic
}

export const lasts = (topic: TroubleTopic): TroubleFields => ({ trouble: 'lasts', trouble_of: topic })
export const ends = (topic: TroubleTopic): TroubleFields => ({ trouble: 'ends', trouble_of: topic })
