import type { Readable } from 'node:stream'

const HEADER_BYTES = 16
const LENGTH_AT = 4
/** The type of a frame with a JSON text. Some bits of the type are the log level. */
const JSON_FRAME = 0xa55a0002
const LEVEL_BITS = 0xff

/** A log line that the runtime client has written for `console.log` or a similar function. */
export interface Frame {
  readonly isJson: boolean
  readonly text: string
}

/** Reads the frames in which the runtime client sends log lines to Lambda. A frame has a type, a length, a time and the text. */
export function readFrames(stream: Readable, onFrame: (frame: Frame) => void): void {
  let rest = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      if (rest.length < HEADER_BYTES) return
      const end = HEADER_BYTES + rest.readUInt32BE(LENGTH_AT)
      if (rest.length < end) return
      const type = rest.readUInt32BE(0)
      onFrame({
        isJson: (type & ~LEVEL_BITS) >>> 0 === (JSON_FRAME & ~LEVEL_BITS) >>> 0,
        text: rest.subarray(HEADER_BYTES, end).toString(),
      })
      rest = rest.subarray(end)
    }
  })
}
