import { createHash } from 'node:crypto'
import type { Page } from './answer.ts'

/** The parts of a page. All of them are in one document, so that no part can be loaded without the token. */
export interface PageParts {
  readonly title: string
  readonly style: string
  readonly script: string
  readonly body: string
}

/** The icon: a valve in a pipe, as SVG. */
const ICON =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 16 16%22%3E%3Crect y=%226%22 width=%2216%22 height=%224%22 rx=%221%22 fill=%22%232563eb%22/%3E%3Crect x=%227%22 y=%221%22 width=%222%22 height=%2214%22 rx=%221%22 fill=%22%231e40af%22/%3E%3C/svg%3E'

/** Makes a page whose policy lets the browser run its own script and style, call its own server, and nothing else. */
export function pageOf({ title, style, script, body }: PageParts): Page {
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${ICON}">
<style>${style}</style>
</head>
<body>
${body}
<script>${script}</script>
</body>
</html>
`
  return { html, policy }
}

const hashOf = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`
