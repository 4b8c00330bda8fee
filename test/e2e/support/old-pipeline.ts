import { randomUUID } from 'node:crypto'
import type { PREDICT_USAGE } from './predict-endpoint.ts'

/** A row of the old table `requests`. */
export interface OldRow {
  readonly request_id: string
  readonly user_id: string
  readonly prompt: string
  readonly estimated_tokens: number
  readonly status: 'queued' | 'completed'
  readonly total_tokens?: number
  readonly result?: unknown
}

/** The parts of the old pipeline that the test of a switch-over needs: gateway, counters in Redis, queue, worker and table. */
export interface OldPipeline {
  /** The counters and limits in Redis by their keys. */
  readonly redis: Map<string, number>
  readonly table: ReadonlyMap<string, OldRow>
  /** `POST /generate` with the old key of a user. */
  generate(key: string, body: { readonly prompt: string }): { readonly status: number; readonly body: object }
  /** Handles each message in the queue: calls the model, and writes the result into the row. */
  work(modelUrl: string): Promise<void>
}

export const requestsLimit = (user: string): string => `user:${user}:quota:daily:requests:limit`
export const requestsUsed = (user: string): string => `user:${user}:quota:daily:requests:used`

/** Makes an imitation of the old pipeline. As in the old configuration, the gateway first reads the quota, and counts the request in a second step. */
export function createOldPipeline(): OldPipeline {
  const redis = new Map<string, number>()
  const table = new Map<string, OldRow>()
  const queue: OldRow[] = []

  return {
    redis,
    table,
    generate: (key, { prompt }) => {
      const [userId = ''] = key.split('-')
      const used = redis.get(requestsUsed(userId)) ?? 0
      if (used >= (redis.get(requestsLimit(userId)) ?? 100))
        return { status: 429, body: { error: 'request quota exceeded', status: 'error' } }
      redis.set(requestsUsed(userId), used + 1)
      const estimatedTokens = Math.ceil(prompt.length / 4) * 2
      const row: OldRow = {
        request_id: randomUUID(),
        user_id: userId,
        prompt,
        estimated_tokens: estimatedTokens,
        status: 'queued',
      }
      table.set(row.request_id, row)
      queue.push(row)
      return { status: 200, body: { request_id: row.request_id, status: 'queued', estimated_tokens: estimatedTokens } }
    },
    work: async modelUrl => {
      for (const row of queue.splice(0)) {
        const response = await fetch(modelUrl, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model_input: row.prompt }),
        })
        const { result, usage } = (await response.json()) as { result: unknown; usage: typeof PREDICT_USAGE }
        table.set(row.request_id, { ...row, status: 'completed', result, total_tokens: usage.total_tokens })
      }
    },
  }
}
