import { afterAll, vi } from 'vitest'
import { restoreClients } from '../support/mock-client.ts'

/*
 * Vitest runs this before each test file. Unit tests share modules and globals (`isolate: false`), so each file ends its mocks of AWS
 * clients, its environment variables and its fake timers. A file that is skipped runs no `afterAll`, but it may have made mocks while its
 * tests were collected. So mocks also end before the next file.
 */
restoreClients()

afterAll(() => {
  restoreClients()
  vi.unstubAllEnvs()
  vi.useRealTimers()
})
