import { rmSync, writeFileSync } from 'node:fs'
import { bundleAll } from '../bundle.ts'
import { bundlePage } from '../console/bundle.ts'
import { PAGE_FILE } from '../console/load-page.ts'
import { ROOT } from '../installation.ts'
import { bundlesFolder, writeBundles } from '../packaged-bundles.ts'
import { noticesOf } from './notices.ts'

// Makes a new dist/ with the code of the functions and the console's page. The TypeScript compiler adds the rest (`npm
// run build`).
const dist = new URL('dist/', ROOT)
rmSync(dist, { recursive: true, force: true })
const BACKENDS = ['sqs', 'rabbitmq'] as const
const all = await Promise.all(BACKENDS.map(async backend => ({ backend, bundles: await bundleAll(backend) })))
for (const { backend, bundles } of all) writeBundles(bundles, bundlesFolder(backend))
const { page, packages } = await bundlePage()
writeFileSync(PAGE_FILE, JSON.stringify(page))
const made = all.flatMap(({ bundles }) => Object.values(bundles))
writeFileSync(new URL('notices.txt', dist), noticesOf([...made, { packages }]))
