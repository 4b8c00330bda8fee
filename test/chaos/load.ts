import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Admin } from '../../lib/cli/admin.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'

/** The tokens that the endpoint reports for each call. */
export const TOKENS = 7

export interface Endpoint {
  readonly url: string
  /** The number of calls for each request, by the id of the request. */
  readonly calls: ReadonlyMap<string, number>
  close(): void
}

/** Starts a model that fails every fifth call. Every twentieth call takes 4 s, which is longer than the model's timeout of 2 s in pipeline.yaml. */
export async function startBadEndpoint(): Promise<Endpoint> {
  const calls = new Map<string, number>()
  let count = 0
  const server = createServer(async (request, response) => {
    const id = String(request.headers['idempotency-key'])
    calls.set(id, (calls.get(id) ?? 0) + 1)
    count += 1
    if (count % 20 === 0) await pause(4_000)
    response.writeHead(count % 5 === 0 ? 500 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ result: 'ok', usage: { total_tokens: TOKENS } }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export interface User {
  readonly user: string
  readonly key: string
}

export const createUsers = (admin: Admin, count: number): Promise<User[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const user = `chaos-${i}`
      await setUser(admin, user, {})
      return { user, key: (await createKey(admin, { user })).created.key }
    }),
  )

/** The ids of accepted requests, by user. Only a post that was answered with 202 was accepted. */
export type Accepted = Map<string, string[]>

/** Each user posts `each` requests one after the other, spread over `ms` milliseconds. */
export async function postAll(apiUrl: string, users: readonly User[], each: number, ms: number): Promise<Accepted> {
  const accepted: Accepted = new Map(users.map(({ user }) => [user, []]))
  await Promise.all(
    users.map(async ({ user, key }) => {
      for (let i = 0; i < each; i++) {
        const id = await post(apiUrl, key, `request ${i} of ${user}`)
        if (id) accepted.get(user)?.push(id)
        await pause(ms / each)
      }
    }),
  )
  return accepted
}

/** An answer to a post. The status 0 stands for a call without an answer. */
export interface PostAnswer {
  readonly status: number
  readonly code?: string | undefined
  readonly request_id?: string | undefined
}

interface Posting {
  /** Each user posts at least until this number of the user's requests is accepted. */
  readonly each: number
  /** If present, each user also goes on until this returns true. */
  isEnough?(): boolean
  readonly pauseMs: number
  /** Is called for each accepted post. */
  onAccepted(): void
  /** Is called with each answer to a post that was not accepted. */
  onRefused?(answer: PostAnswer): void
}

/** Lets all users post at the same time, with a pause of `pauseMs` after each post. Returns the ids of the accepted requests. */
export async function postUntilAccepted(
  apiUrl: string,
  users: readonly User[],
  { each, isEnough = () => true, pauseMs, onAccepted, onRefused }: Posting,
): Promise<Accepted> {
  const accepted: Accepted = new Map()
  await Promise.all(
    users.map(async ({ user, key }) => {
      const ids: string[] = []
      accepted.set(user, ids)
      for (let i = 0; ids.length < each || !isEnough(); i++) {
        const answer = await call(apiUrl, key, `request ${i} of ${user}`)
        if (answer.status === 202 && answer.request_id !== undefined) {
          ids.push(answer.request_id)
          onAccepted()
        } else onRefused?.(answer)
        await pause(pauseMs)
      }
    }),
  )
  return accepted
}

async function post(apiUrl: string, key: string, prompt: string): Promise<string | undefined> {
  const { status, request_id } = await call(apiUrl, key, prompt)
  return status === 202 ? request_id : undefined
}

async function call(apiUrl: string, key: string, prompt: string): Promise<PostAnswer> {
  try {
    const response = await fetch(`${apiUrl}/v1/inference`, {
      method: 'POST',
      headers: { 'x-api-key': key },
      body: JSON.stringify({ prompt }),
    })
    const { code, request_id } = (await response.json()) as { code?: string; request_id?: string }
    return { status: response.status, code, request_id }
  } catch {
    return { status: 0 }
  }
}
