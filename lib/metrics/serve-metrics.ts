import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LocalSystem } from '../local/system.ts'
import type { LocalMetrics } from './local-metrics.ts'
import { PROMETHEUS_TEXT, prometheusText } from './prometheus.ts'

export const METRICS_PATH = '/metrics'

/** Answers `GET /metrics` with all metrics in Prometheus's text format. */
export function metricsHandler({ registry, note }: LocalMetrics, system: Pick<LocalSystem, 'queues'>) {
  return async ({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (url.split('?')[0] !== METRICS_PATH) return refuse(response, 404, 'There is nothing at this path.')
    if (method !== 'GET' && method !== 'HEAD')
      return refuse(response.setHeader('allow', 'GET, HEAD'), 405, 'Metrics are read with GET.')
    note(await system.queues())
    response.writeHead(200, { 'content-type': PROMETHEUS_TEXT, 'cache-control': 'no-store' })
    response.end(method === 'HEAD' ? undefined : prometheusText(registry))
  }
}

function refuse(response: ServerResponse, status: number, error: string): void {
  const code = status === 404 ? 'not_found' : 'method_not_allowed'
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ error, status: 'error', code }))
}
