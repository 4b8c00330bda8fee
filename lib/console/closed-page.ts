import type { Page } from './answer.ts'
import { pageOf } from './page-policy.ts'

/**
 * The page for a call without the token. A reloaded console gets this page, because it has removed the token from its
 * address. The script finds the token in the storage of this tab, where the console has put it. Only pages of this
 * origin can read this storage.
 */
export const closedPage: Page = pageOf({
  title: 'Sluice console',
  style: `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1rem; color-scheme: light dark; }
`,
  script: `
const kept = sessionStorage.getItem('sluice-token')
const given = new URLSearchParams(location.search).get('token')
if (kept && kept !== given) location.replace('/console?token=' + encodeURIComponent(kept) + location.hash)
else sessionStorage.removeItem('sluice-token')
`,
  body: `<main>
<h1>This console is closed</h1>
<p>Open the address that <code>npm start</code> or <code>sluice console</code> has printed. It ends with the token of this run. After a restart, there is a new one.</p>
</main>`,
})
