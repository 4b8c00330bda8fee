import type { ServerResponse } from 'node:http'

/**
 * The headers of each answer. With these headers, no page can show an answer in a frame, no page of another origin can
 * load an answer, and the browser stores no answer. The browser also sends the page's address, which contains the token,
 * to no other server.
 */
const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** The policy of an answer that is no page: the browser must not load or run anything for it. */
const NO_PAGE = "default-src 'none'; frame-ancestors 'none'"

export function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    ...HEADERS,
    'content-type': 'application/json',
    'content-security-policy': NO_PAGE,
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

/** A page, with the policy that lets the browser run only the code in this page. */
export interface Page {
  readonly html: string
  readonly policy: string
}

export function sendPage(response: ServerResponse, status: number, { html, policy }: Page): void {
  response.writeHead(status, {
    ...HEADERS,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'content-length': Buffer.byteLength(html),
  })
  response.end(html)
}

/** Sends an error in the shape of the client API. */
export function sendError(response: ServerResponse, status: number, code: string, error: string, more = {}): void {
  sendJson(response, status, { error, status: 'error', code, ...more }, status === 503 ? { 'retry-after': '5' } : {})
}
