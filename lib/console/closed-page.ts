import type { Page } from './answer.ts'
import { pageOf } from './page-policy.ts'

/**
 * The page for a call without the token. If a user reloads the console, the browser gets this page, because the console
 * has removed the token from its address. The console has stored the token for the tab (`sessionStorage`), which only
 * pages of this origin can read. This page's script finds the token there, and opens the console again.
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
