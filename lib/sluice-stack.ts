import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { addParts, type PartsProps } from './parts.ts'

/**
 * All of Sluice, for any account and region. It is one stack, because a request passes through all of its parts.
 * `Sluice` is the same as a construct, for other stacks.
 */
export class SluiceStack extends Stack {
  constructor(scope: Construct, props: PartsProps) {
    super(scope, props.pipeline.name, {
      description: 'Sluice: an asynchronous inference gateway.',
      // Without this protection, the deletion of the stack would delete queues and functions before it stops at the
      // protected tables.
      terminationProtection: props.protect ?? true,
    })
    addParts(this, props)
  }
}
