import { mockClient as mock } from 'aws-sdk-client-mock'

const mocks = new Set<{ restore(): void }>()

/**
 * Mocks an AWS client, or a class of clients, until the end of the test file.
 *
 * All files of unit tests share the modules of the AWS SDK (`isolate: false` in vitest.config.ts). If a mock did not end
 * with its file, the mocked class would also answer calls in the test files that run later.
 */
export const mockClient: typeof mock = (client, options) => {
  const mocked = mock(client, options)
  mocks.add(mocked)
  return mocked
}

/** Ends all mocks of clients. test/unit/setup.ts calls this before and after each test file. */
export function restoreClients(): void {
  for (const mocked of mocks) mocked.restore()
  mocks.clear()
}
