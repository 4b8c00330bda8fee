import { evenly } from './random.ts'
import { GATEWAY, WORK_QUEUES } from './settings.ts'
import type { System } from './system.ts'

/** Makes deployments that remove the model from pipeline.yaml, and deployments that add it again. */
export function createDeployments({ world, known, services: { queues } }: System) {
  let stage: 'deployed' | 'forgotten' | 'deleted' = 'deployed'

  /**
   * The steps of a deployment that removes the model. CloudFormation first updates the functions, which then do not have the model in their settings
   * (`forgotten`). It deletes the queues some minutes later (`deleted`). In between, it may roll the deployment back (`deployed`).
   */
  const stages = {
    deployed(): void {
      known.models = GATEWAY.models
      for (const queue of WORK_QUEUES) queues.create(queue)
    },
    forgotten(): void {
      known.models = []
    },
    deleted(): void {
      known.hasLostMessages ||= queues.backend === 'sqs'
      for (const queue of WORK_QUEUES) queues.remove(queue)
    },
  }
  const Next = { deployed: ['forgotten'], forgotten: ['deleted', 'deployed'], deleted: ['deployed'] } as const

  return {
    next(): void {
      stage = world.choices.of(evenly<typeof stage>(Next[stage]))
      world.trace(() => `-- the model is ${stage}`)
      stages[stage]()
    },
  }
}
