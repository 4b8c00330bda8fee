/** Asks the emulator of SQS to end all receives that wait for a message. Any other question is a list of the names of queues. */
export const END_WAITS = 'end waits'
