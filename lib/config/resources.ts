import type { Model } from './model-schema.ts'

/** CloudFormation allows this many resources per stack. */
export const CLOUDFORMATION_TAKES = 500

/** The most resources that a pipeline's stack may have. Four of CloudFormation's 500 stay free, because the CDK adds policies when a stack has many models. */
export const MAX_RESOURCES = CLOUDFORMATION_TAKES - 4

/** The number of resources per part of the stack. A stack test compares their sum with the synthesized template. */
export const RESOURCES = { stack: 104, model: 13, circuit: 1, profile: 1, intake: 5, input: 8, retention: 9 }

/** The parts of a pipeline that decide how many resources its stack has. */
interface Counted {
  readonly models: Readonly<Record<string, Model>>
  readonly inputs?: readonly unknown[] | undefined
  readonly observability: { readonly retention: { readonly ledger?: unknown } }
}

/** Counts the resources of a pipeline's stack. It counts one for each Bedrock URL, because the URL may name an inference profile. */
export function countResources({ models, inputs = [], observability }: Counted): number {
  const ofModels = Object.values(models).reduce((sum, model) => sum + ofModel(model), 0)
  const ofInputs = inputs.length === 0 ? 0 : RESOURCES.intake + RESOURCES.input * inputs.length
  const ofRetention = observability.retention.ledger === undefined ? 0 : RESOURCES.retention
  return RESOURCES.stack + ofModels + ofInputs + ofRetention
}

function ofModel({ circuit, endpoint: { auth }, batch }: Model): number {
  const isBedrock = auth !== undefined && 'sigv4' in auth && auth.sigv4 === 'bedrock'
  const urls = batch?.url === undefined ? 1 : 2
  return RESOURCES.model + (circuit ? RESOURCES.circuit : 0) + (isBedrock ? urls * RESOURCES.profile : 0)
}
