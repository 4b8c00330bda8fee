import type { IncomingMessage } from 'node:http'

/**
 * The body of a call, or undefined if it has more bytes than `most`. One that is too large is read to its end all the same, and thrown
 * away: most clients look at the answer only after they have sent everything. Rejects if the connection is cut off.
 */
export async function readBody(incoming: IncomingMessage, most: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming) {
    size += chunk.length
    if (size <= most) chunks.push(chunk)
    else chunks.length = 0
  }
  return size <= most ? Buffer.concat(chunks) : undefined
}
