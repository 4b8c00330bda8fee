import { startRdsData } from '../support/emulators.ts'
import { createDatabase } from '../support/postgres.ts'
import { describeLedgerContract } from './ledger.ts'

describeLedgerContract('PGlite', () => startRdsData({}))

const serverUrl = process.env.DATABASE_URL
if (serverUrl)
  describeLedgerContract('PostgreSQL', async () => {
    const { url, drop } = await createDatabase(serverUrl)
    const { client, close } = await startRdsData({ url })
    return {
      client,
      close: async () => {
        await close()
        await drop()
      },
    }
  })
