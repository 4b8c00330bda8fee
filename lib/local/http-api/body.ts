import type { IncomingMessage } from 'node:http'

/** API Gateway's limit of a request's body. */
const MAX_BODY_BYTES = 10 * 1024 * 1024

/**
 * The body, or undefined if it is over 10 MB. One that is too large is read to its end all the same, and thrown away:
 * most clients look at the answer only after they have sent everything.
 */
export async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming) {
    size += chunk.length
    if (size <= MAX_BODY_BYTES) chunks.push(chunk)
    else chunks.length = 0
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined
}
