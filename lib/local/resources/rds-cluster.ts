import * as z from 'zod'
import { arn } from '../arn.ts'
import { authorizationOf } from '../trust/access-key.ts'
import { created, physicalName, propertiesOf, type ResourceType, type System } from './resource.ts'

const Properties = z.object({
  DBClusterIdentifier: z.string().optional(),
  Engine: z.literal('aurora-postgresql', { error: 'only aurora-postgresql is supported by the local system' }),
  EnableHttpEndpoint: z.literal(true, { error: 'must be true: the local system has the RDS Data API alone' }),
  Port: z.coerce.number().default(5432),
})

/**
 * All clusters of a template are the same Postgres behind the RDS Data API. The resource counts as created when the database answers. So the migration,
 * which depends on the cluster, runs only then.
 */
export const rdsCluster: ResourceType = async (declared, system) => {
  const { DBClusterIdentifier, Port } = await propertiesOf(declared, Properties)
  const name = DBClusterIdentifier ?? physicalName(system, declared).toLowerCase()
  const clusterArn = arn('rds', `cluster:${name}`)
  const secretArn = arn('secretsmanager', `secret:rds!cluster-${name}`)
  await untilItAnswers(system, clusterArn, secretArn)
  return created(name, {
    DBClusterArn: clusterArn,
    DBClusterResourceId: `cluster-${name}`,
    'MasterUserSecret.SecretArn': secretArn,
    'Endpoint.Address': '127.0.0.1',
    'Endpoint.Port': String(Port),
    'ReadEndpoint.Address': '127.0.0.1',
  })
}

async function untilItAnswers(
  { endpoints, accessKeyId }: System,
  resourceArn: string,
  secretArn: string,
): Promise<void> {
  const body = JSON.stringify({ resourceArn, secretArn, sql: 'SELECT 1' })
  const headers = { authorization: authorizationOf(accessKeyId), 'content-type': 'application/json' }
  const response = await fetch(`${endpoints.rds_data}/Execute`, { method: 'POST', headers, body })
  if (!response.ok) throw new Error(`Postgres does not answer: ${await response.text()}`)
}
