import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** The tokens that the model reports for each call. */
export const TOKENS = 7

export interface SlowModel {
  readonly url: string
  /** The number of calls so far. */
  calls(): number
  close(): void
}

/** Starts a model that takes 0.3 s per call, so that a call is always running. */
export async function startSlowModel(): Promise<SlowModel> {
  let calls = 0
  const server = createServer(async (_, response) => {
    calls += 1
    await pause(300)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ result: 'ok', usage: { total_tokens: TOKENS } }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export interface Post {
  readonly body: object
  readonly headers: Readonly<Record<string, string>>
}

/** Makes posts for both models and priorities. Each third post has an Idempotency-Key, and each tenth waits for its result. */
export const posts = (name: string, count: number): Post[] =>
  Array.from({ length: count }, (_, i) => ({
    body: {
      prompt: `${name} ${i}`,
      priority: i % 4 === 0 ? 'high' : 'normal',
      ...(i % 5 === 0 && { model_type: 'image' }),
      ...(i % 7 === 0 && { metadata: { number: i } }),
    },
    headers: { ...(i % 3 === 0 && { 'idempotency-key': `${name}-${i}` }), ...(i % 10 === 0 && { prefer: 'wait=5' }) },
  }))

export interface Accepted {
  readonly id: string
  readonly post: Post
}

export async function send(apiUrl: string, key: string, post: Post): Promise<Accepted | undefined> {
  try {
    const response = await fetch(`${apiUrl}/v1/inference`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json', ...post.headers },
      body: JSON.stringify(post.body),
    })
    const { request_id: id } = (await response.json()) as { request_id?: string }
    return response.ok && id !== undefined ? { id, post } : undefined
  } catch {
    // The system has ended before its answer, so the post does not count as accepted.
    return undefined
  }
}

/** Sends posts, six in parallel, and returns the accepted posts. */
export async function sendAll(apiUrl: string, key: string, all: readonly Post[]): Promise<Accepted[]> {
  const accepted: Accepted[] = []
  const left = [...all]
  const sendOnes = async () => {
    for (let post = left.shift(); post; post = left.shift()) {
      const one = await send(apiUrl, key, post)
      if (one) accepted.push(one)
    }
  }
  await Promise.all(Array.from({ length: 6 }, sendOnes))
  return accepted
}

/** Reads a request as its owner. */
export async function view(apiUrl: string, key: string, id: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${apiUrl}/v1/inference/${id}`, { headers: { 'x-api-key': key } })
  return (await response.json()) as Record<string, unknown>
}
