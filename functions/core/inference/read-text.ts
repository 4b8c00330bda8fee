import type { Readable } from 'node:stream'

export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge'
}

/** The whole of a stream as UTF-8 text. Throws `AnswerTooLarge` beyond `maxBytes`, and the signal's reason once it aborts. */
export async function readText(stream: Readable, maxBytes: number, signal: AbortSignal): Promise<string> {
  const stop = () => stream.destroy(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of stream) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new AnswerTooLarge(`the model's answer is larger than ${maxBytes / 1_048_576} MB`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString('utf8')
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
