import { mockClient as mock } from 'aws-sdk-client-mock'
import { afterAll } from 'vitest'

const mocks = new Set<{ restore(): void }>()

/**
 * Mocks an AWS client, or a class of clients, until the end of the test file.
 *
 * Unit tests share the modules of the AWS SDK (`isolate: false`). Without the end, a class that one file has mocked would
 * also answer the calls of the files that run after it.
 */
export const mockClient: typeof mock = (client, options) => {
  const mocked = mock(client, options)
  mocks.add(mocked)
  return mocked
}

/** Ends all mocks at the end of the test file that is running. vitest.config.ts runs this before each file. */
export function restoreClientsAfterFile(): void {
  afterAll(() => {
    for (const mocked of mocks) mocked.restore()
    mocks.clear()
  })
}
