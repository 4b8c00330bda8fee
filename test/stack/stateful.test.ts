import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import atVersion010 from './fixtures/stateful-0.1.0.json' with { type: 'json' }
import { type Stateful, statefulOf } from './stateful.ts'
import { synthesizeText } from './synthesized.ts'

/**
 * CloudFormation knows a resource by its logical id. If an id changes, the next deployment creates a second, empty resource,
 * and removes the old one from the stack. A changed fixed property has the same effect.
 *
 * `fixtures/stateful-0.1.0.json` has the stateful resources that version 0.1.0 (commit 6427583) synthesizes from the
 * pipelines beside it, listed by `statefulOf`. Never write that file anew to make this test pass: nobody would then
 * notice that an update replaces a table by an empty one, so that its data is lost to the functions.
 */

/** The consequence for a user if a resource of this type is replaced. */
const LOST: Readonly<Record<string, string>> = {
  'AWS::ApiGatewayV2::Api': 'the API gets another address, so that no client reaches it any more',
  'AWS::ApiGatewayV2::Stage': 'the API is away until the new stage is there',
  'AWS::DynamoDB::GlobalTable':
    'the functions use a new, empty table: all requests, quotas, keys or users are lost to them',
  'AWS::RDS::DBCluster': 'the functions use a new, empty database: all results are lost to them',
  'AWS::RDS::DBInstance': 'the database is away until the new instance is there',
  'AWS::S3::Bucket': 'the functions use a new, empty bucket: large bodies and results are lost to them',
  'AWS::SQS::Queue': 'the messages of the old queue are deleted with it, and its waiting requests never run',
  'AWS::SNS::Topic': 'nobody who subscribed to alarms gets one any more',
  'AWS::SecretsManager::Secret': 'the database role keeps the old password, until its migration has run again',
  'AWS::Logs::LogGroup': 'the log so far is deleted, or is no longer found',
  'Custom::LedgerMigrations': 'the deletion of the old resource runs after the migrations of the new one',
}

const consequence = (id: string, { type }: Stateful): string =>
  `${id} (${type}) is not what version 0.1.0 deployed. An update replaces it: ${LOST[type] ?? 'what depends on it is replaced, too'}. Keep its construct's path and its fixed properties.`

/** Stateful resources that versions after 0.1.0 have added. Later versions must keep these resources, too. */
const ADDED = {
  StateLedgerSecretcollector77304812: 'AWS::SecretsManager::Secret',
  StateLedgerSecretreaderD3436E3B: 'AWS::SecretsManager::Secret',
  StateLedgerSecretgatewayFDC66D67: 'AWS::SecretsManager::Secret',
  StateLedgerSecretoperator669316F4: 'AWS::SecretsManager::Secret',
}

describe.each(Object.entries(atVersion010))('an update of 0.1.0 with the %s pipeline', (pipeline, before) => {
  const text = readFileSync(new URL(`fixtures/${pipeline}.yaml`, import.meta.url), 'utf8')
  const now = statefulOf(synthesizeText(text).template)

  it.each(Object.entries<Stateful>(before))('keeps %s', (id, resource) => {
    expect(now[id], consequence(id, resource)).toEqual(resource)
  })

  it('adds only the stateful resources that are listed in this test', () => {
    const added = Object.entries(now).filter(([id]) => !Object.hasOwn(before, id))
    expect(Object.fromEntries(added.map(([id, { type }]) => [id, type]))).toEqual(ADDED)
  })
})
