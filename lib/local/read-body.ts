import type { IncomingMessage } from 'node:http'

/**
 * Reads the body of a call. Resolves with undefined if the body has more than `most` bytes. Such a body is read to its end, too, but not kept: most
 * clients read the answer only after they have sent the whole body. Rejects if the connection is cut off.
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
