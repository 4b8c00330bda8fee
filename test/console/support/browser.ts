import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** Finds the browser that the environment variable CHROMIUM names, or a browser on the PATH. */
function findBrowser(): string {
  const named = process.env.CHROMIUM
  if (named) return named
  const places = (process.env.PATH ?? '').split(delimiter).flatMap(folder => NAMES.map(name => join(folder, name)))
  const found = places.find(isExecutable)
  if (!found) throw new Error('these tests need Chromium: install the package chromium, or name it with CHROMIUM')
  return found
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** True if the tests run as root. Chromium's sandbox does not work as root, so it is then switched off. */
const asRoot = process.getuid?.() === 0

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: findBrowser(), chromiumSandbox: !asRoot, args: ['--disable-dev-shm-usage'] })

/** Collects the errors of a page: errors of scripts, and violations of the content security policy. */
export function problemsOf(page: Page): string[] {
  const problems: string[] = []
  page.on('pageerror', error => problems.push(error.message))
  page.on('console', message => {
    if (message.type() === 'error') problems.push(message.text())
  })
  return problems
}

/** The serious and critical barriers to accessibility that axe-core finds in a page, one line per barrier. */
export async function barriersIn(page: Page): Promise<string[]> {
  // The browser's debugger runs this script, so the page's content security policy does not block it.
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target}: ${failureSummary}`))
}
