/** This question makes the emulator of SQS end all receives that wait for a message. Every other question is a list of queue names. */
export const END_WAITS = 'end waits'
