import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { bundleAll, bundleSource, type QueueBackend } from '../../lib/bundle.ts'
import { bundlesReference } from '../../lib/packages/bundles.ts'
import { readLockFile } from '../../lib/packages/lock-file.ts'

const lock = readLockFile()

it('docs/bundles.md lists, for each function, the packages whose code is in its bundle', async () => {
  expect(readFileSync('docs/bundles.md', 'utf8'), 'run npm run generate').toBe(
    bundlesReference(await bundleAll(), lock),
  )
})

it('if a function imports another package, the generated list for docs/bundles.md has this package', async () => {
  const bundles = await bundleAll()
  const withMore = await bundleSource("import leven from 'leven'; export const handler = () => leven('a', 'b')")

  expect(bundlesReference(bundles, lock)).not.toContain('`leven@')
  expect(bundlesReference({ ...bundles, authorizer: withMore }, lock)).toContain('`leven@')
})

it('a bundle has only the client of its queue backend: the SQS client or amqplib', async () => {
  const packagesOf = async (backend: QueueBackend) =>
    Object.values(await bundleAll(backend)).flatMap(({ packages }) => packages)

  const [onSqs, onRabbitMq] = [await packagesOf('sqs'), await packagesOf('rabbitmq')]

  expect(onSqs).toContain('node_modules/@aws-sdk/client-sqs')
  expect(onSqs).not.toContain('node_modules/amqplib')
  expect(onRabbitMq).toContain('node_modules/amqplib')
  expect(onRabbitMq).not.toContain('node_modules/@aws-sdk/client-sqs')
})
