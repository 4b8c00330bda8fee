import { rmSync, writeFileSync } from 'node:fs'
import { bundleAll } from '../bundle.ts'
import { ROOT } from '../installation.ts'
import { BUNDLES_FOLDER, writeBundles } from '../packaged-bundles.ts'
import { noticesOf } from './notices.ts'

// Makes dist/ anew, with the code of the functions in it. The TypeScript compiler adds the rest (`npm run build`).
const dist = new URL('dist/', ROOT)
rmSync(dist, { recursive: true, force: true })
const bundles = await bundleAll()
writeBundles(bundles, BUNDLES_FOLDER)
writeFileSync(new URL('notices.txt', dist), noticesOf(bundles))
