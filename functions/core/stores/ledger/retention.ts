import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { iso } from '../../platform/clock.ts'
import type { LedgerEnv } from '../../platform/env.ts'
import type { LedgerRetention } from './port.ts'
import { statementsOf } from './statements.ts'

const DELETE_ENDED = 'SELECT delete_ended(:before::timestamptz, :at_most::integer)'

export function rdsDataRetention(client: RDSDataClient, env: LedgerEnv): LedgerRetention {
  const execute = statementsOf(client, env)
  return {
    deleteEnded: async (before, atMost) => {
      const [record] = await execute(DELETE_ENDED, { before: iso(before), at_most: atMost })
      return record?.[0]?.longValue ?? 0
    },
  }
}
