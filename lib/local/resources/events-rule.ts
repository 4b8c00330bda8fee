import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { ACCOUNT, arn, REGION } from '../arn.ts'
import { rateMs, startSchedule } from '../schedule.ts'
import {
  type Activity,
  created,
  functionOf,
  physicalName,
  propertiesOf,
  type ResourceType,
  refuse,
} from './resource.ts'

const Properties = z.object({
  Name: z.string().optional(),
  ScheduleExpression: z.string().optional(),
  State: z.string().default('ENABLED'),
  Targets: z.array(z.object({ Arn: z.string(), Input: z.string().optional() })).default([]),
})

export const eventsRule: ResourceType = async (declared, system) => {
  const { Name, ScheduleExpression, State, Targets } = await propertiesOf(declared, Properties)
  if (ScheduleExpression === undefined) refuse(declared, 'a rule without schedule')
  const everyMs = rateMs(ScheduleExpression, declared.logicalId)
  const ruleName = Name ?? physicalName(system, declared)
  const ruleArn = arn('events', `rule/${ruleName}`)
  const targets = Targets.map(({ Arn, Input }) => ({ function: functionOf(system, declared, Arn), input: Input }))

  if (State !== 'DISABLED')
    system.activities.push((): Activity => {
      const schedule = startSchedule(everyMs, () => {
        for (const { function: target, input } of targets)
          void target.invoke(input === undefined ? scheduledEvent(ruleArn) : JSON.parse(input))
      })
      return { stop: async () => schedule.stop(), finished: async () => {} }
    })
  return created(ruleName, { Arn: ruleArn })
}

function scheduledEvent(ruleArn: string): object {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: ACCOUNT,
    time: new Date().toISOString(),
    region: REGION,
    resources: [ruleArn],
    detail: {},
  }
}
