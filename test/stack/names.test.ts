import { describe, expect, it } from 'vitest'
import { ofType, only, render } from './queries.ts'
import { PIPELINE, synthesizeText, type Template } from './synthesized.ts'

const named = (name: string) => synthesizeText(PIPELINE.replace('name: Shop-1', `name: ${name}`)).template
const shop = named('Shop-1')

/** Matches the properties that give a resource its name. Two resources of the same type can’t have the same name. */
const NAME =
  /^(?!Service|Parameter|Attribute|Index|Stage|Metric|Database|Function|Key|Display|Event|DB|Table|Handler|Header).*Name$|^Name$/

/**
 * The names that the template itself sets, with the types of the resources. All other names are made by AWS, which makes unique
 * names. So only the names in the template could collide.
 */
const namesOf = ({ Resources }: Template): string[] =>
  Object.values(Resources).flatMap(({ Type, Properties }) =>
    Object.entries(Properties).flatMap(([property, value]) => {
      const isText = typeof value === 'string' || (typeof value === 'object' && value !== null && 'Fn::Join' in value)
      return NAME.test(property) && isText ? [`${Type} ${render(value)}`] : []
    }),
  )

/** Names of these types must be unique only within an API or within the policies of a role. So two deployments may have equal ones. */
const OF_THEIR_OWN = /^AWS::(IAM::Policy|ApiGatewayV2::Authorizer) /

describe('two deployments in one region', () => {
  it('have no resource name in common', () => {
    const ofShop = namesOf(shop).filter(name => !OF_THEIR_OWN.test(name))
    const ofOther = namesOf(named('Shop-2')).filter(name => !OF_THEIR_OWN.test(name))

    expect(ofShop).toContain('AWS::SQS::Queue Shop-1-results')
    expect(ofShop.length).toBeGreaterThan(7)
    expect(new Set(ofShop).size).toBe(ofShop.length)
    expect(ofShop.filter(name => ofOther.includes(name))).toEqual([])
  })

  it('count their refused calls in different metrics, so refused calls of one raise no alarm of the other', () => {
    const [metric] = only(shop, 'AWS::Logs::MetricFilter').Properties.MetricTransformations as { MetricName: string }[]
    expect(metric?.MetricName).toContain('Shop-1')
  })
})

describe('one deployment in two regions', () => {
  it('has the region in each name that must be unique in an account across all regions', () => {
    const { DashboardName } = only(shop, 'AWS::CloudWatch::Dashboard').Properties
    expect(render(DashboardName)).toBe('Shop-1-<AWS::Region>')
    expect(render(shop.Outputs.DashboardUrl?.Value)).toMatch(/#dashboards\/dashboard\/Shop-1-<AWS::Region>$/)
  })

  it('lets AWS name the roles and buckets, since their names must be unique across all regions', () => {
    for (const [type, property] of [
      ['AWS::IAM::Role', 'RoleName'],
      ['AWS::S3::Bucket', 'BucketName'],
    ] as const)
      for (const { Properties } of ofType(shop, type)) expect(Properties[property]).toBeUndefined()
  })
})
