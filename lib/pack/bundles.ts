import { rmSync, writeFileSync } from 'node:fs'
import { bundleAll } from '../bundle.ts'
import { bundlePage } from '../console/bundle.ts'
import { PAGE_FILE } from '../console/load-page.ts'
import { ROOT } from '../installation.ts'
import { BUNDLES_FOLDER, writeBundles } from '../packaged-bundles.ts'
import { noticesOf } from './notices.ts'

// Makes dist/ anew, with the code of the functions and the console's page in it. The TypeScript compiler adds the rest (`npm run build`).
const dist = new URL('dist/', ROOT)
rmSync(dist, { recursive: true, force: true })
const bundles = await bundleAll()
writeBundles(bundles, BUNDLES_FOLDER)
const { page, packages } = await bundlePage()
writeFileSync(PAGE_FILE, JSON.stringify(page))
writeFileSync(new URL('notices.txt', dist), noticesOf([...Object.values(bundles), { packages }]))
