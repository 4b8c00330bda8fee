import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser } from './support/browser.ts'
import { type ConsoleSystem, startConsoleSystem } from './support/system.ts'

let console: ConsoleSystem
let browser: Browser
let context: BrowserContext
let stranger: Server
let strangerUrl: string

beforeAll(async () => {
  ;[console, browser] = await Promise.all([startConsoleSystem(), startBrowser()])
  stranger = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><p>hi'))
  stranger.listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  strangerUrl = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`
  context = await browser.newContext()
  const own = await context.newPage()
  await own.goto(console.consoleUrl)
  await own.getByRole('heading', { name: 'Overview' }).waitFor()
})

afterAll(async () => {
  await browser?.close()
  stranger?.close()
  await console?.stop()
})

interface Call {
  readonly path: string
  readonly method?: string
  readonly headers?: Record<string, string>
}

/** Makes a call with any headers. `fetch` does not allow a caller to set `Host` and `Origin`. */
async function call({ path, method = 'GET', headers = {} }: Call): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
  request(new URL(path, console.system.apiUrl), { method, headers }, async response =>
    resolve({ status: response.statusCode ?? 0, body: await text(response) }),
  )
    .on('error', reject)
    .end()
  return promise
}

const bearer = () => ({ authorization: `Bearer ${console.token}` })

describe('the console refuses', () => {
  test.each([
    { what: 'a page without the token', path: '/console', status: 401 },
    { what: 'a page with another token', path: '/console?token=guess', status: 401 },
    { what: 'a call without the token', path: '/console/api/models', status: 401 },
    { what: 'a call with another token', path: '/console/api/models', token: 'guess', status: 401 },
  ])('$what', async ({ path, token, status }) => {
    const answer = await call({ path, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })

    expect(answer.status).toBe(status)
    expect(answer.body).not.toMatch(/"models"|class="tile"/)
  })

  test('a call that has the token only in the address', async () => {
    expect(await call({ path: `/console/api/models?token=${console.token}` })).toMatchObject({ status: 401 })
  })

  test.each([
    { what: 'a call with a foreign host', more: { host: 'console.example' } },
    { what: 'a call with a foreign origin', more: { origin: 'http://console.example' } },
    { what: 'a call with the origin null', more: { origin: 'null' } },
    { what: 'a call from a page of another port', more: { origin: 'http://127.0.0.1:1' } },
  ])('$what, even if it has the token', async ({ more }) => {
    for (const path of ['/console/api/models', `/console?token=${console.token}`]) {
      const { status, body } = await call({ path, headers: { ...bearer(), ...more } })
      expect(status).toBe(403)
      expect(body).not.toMatch(/"models"|<html/)
    }
  })
})

describe('the console answers', () => {
  test('each call with headers that forbid frames, caches and access by other pages', async () => {
    const page = await fetch(console.consoleUrl)
    const policy = page.headers.get('content-security-policy') ?? ''

    expect(policy).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
    expect(policy).not.toContain('unsafe')
    const answer = await fetch(`${console.system.apiUrl}/console/api/models`, { headers: bearer() })
    for (const { headers } of [page, answer]) {
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
      expect(headers.get('set-cookie')).toBeNull()
    }
  })
})

describe('other pages in a browser with an open console', () => {
  test('another page can’t read data of the console, even with credentials', async () => {
    const page = await context.newPage()
    await page.goto(strangerUrl)
    const target = console.system.apiUrl

    const read = await page.evaluate(
      async ({ target, token }) => {
        const tries: Record<string, unknown> = {}
        const attempt = async (name: string, init: object) => {
          tries[name] = await fetch(`${target}/console/api/models`, init).then(
            async response => (await response.text()) || response.type,
            () => 'refused',
          )
        }
        await attempt('plain', { credentials: 'include' })
        await attempt('with the token', { headers: { authorization: `Bearer ${token}` } })
        await attempt('opaque', { mode: 'no-cors', credentials: 'include' })
        return tries
      },
      { target, token: console.token },
    )

    expect(read).toEqual({ plain: 'refused', 'with the token': 'refused', opaque: 'refused' })
    await page.close()
  })

  test('another page can’t show the console in a frame', async () => {
    const page = await context.newPage()
    await page.goto(strangerUrl)

    await page.setContent(`<iframe src="${console.consoleUrl}"></iframe>`, { waitUntil: 'load' })

    const frame = page.frames().find(found => found !== page.mainFrame())
    expect(await frame?.locator('.tile').count()).toBe(0)
    await page.close()
  })

  test('a page that opens the console without the token shows only that the console is closed', async () => {
    const page = await context.newPage()
    await page.goto(`${console.system.apiUrl}/console`)

    await page.getByRole('heading', { name: 'This console is closed' }).waitFor()
    await page.close()
  })
})
