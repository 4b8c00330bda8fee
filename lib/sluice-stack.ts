import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { addParts, type PartsProps } from './parts.ts'

/**
 * A stack with all of Sluice, for any account and region. Sluice is a single stack, because every request needs all of its
 * parts. To add the same parts to a stack of your own, use the construct `Sluice`.
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
