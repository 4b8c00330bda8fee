import { rmSync, writeFileSync } from 'node:fs'
import { bundleAll } from '../bundle.ts'
import { ROOT } from '../installation.ts'
import { bundlesFolder, writeBundles } from '../packaged-bundles.ts'
import { noticesOf } from './notices.ts'

// Makes dist/ anew, with the code of the functions in it. The TypeScript compiler adds the rest (`npm run build`).
const dist = new URL('dist/', ROOT)
rmSync(dist, { recursive: true, force: true })
const backends = ['sqs', 'rabbitmq'] as const
const all = await Promise.all(backends.map(async backend => ({ backend, bundles: await bundleAll(backend) })))
for (const { backend, bundles } of all) writeBundles(bundles, bundlesFolder(backend))
writeFileSync(new URL('notices.txt', dist), noticesOf(all.flatMap(({ bundles }) => Object.values(bundles))))
