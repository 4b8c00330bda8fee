import { expect, onTestFinished, test } from 'vitest'
import { startDataApi } from '../../lib/local/rds-data/server.ts'

const NO_DATABASE = {
  connect: () => Promise.reject(new Error('the statement was run')),
  close: async () => {},
}

test('the RDS Data API of the local system refuses a statement over 4 MiB, also in a call within the process', async () => {
  const dataApi = await startDataApi(NO_DATABASE, 'key')
  onTestFinished(() => dataApi.close())
  const sql = `SELECT '${'x'.repeat(4 * 1024 * 1024)}'`

  const refused = await dataApi.call('ExecuteStatement', JSON.stringify({ resourceArn: 'a', secretArn: 's', sql }))

  expect(refused.status).toBe(413)
})
