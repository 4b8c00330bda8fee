import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import type { SluiceFunction } from './function.ts'

/** The bucket of prompts and results that are too large for a message or a row. */
export class PayloadStore extends Construct {
  readonly bucket: Bucket

  constructor(scope: Construct, id: string, { retention }: { retention: Duration }) {
    super(scope, id)
    const common = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    }
    const accessLogs = new Bucket(this, 'AccessLogs', {
      ...common,
      lifecycleRules: [{ expiration: Duration.days(90) }],
    })
    // It is not versioned, because each object has its own name and never changes.
    this.bucket = new Bucket(this, 'Bucket', {
      ...common,
      // The CDK's types contradict each other under exactOptionalPropertyTypes.
      serverAccessLogsBucket: accessLogs as IBucket,
      lifecycleRules: [{ expiration: retention, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    })
  }

  /**
   * Adds the permissions to the bucket's policy. In a role's policy, the objects would be a wildcard among its other resources.
   *
   * A reader also gets `s3:ListBucket`. Without it, S3 answers for a deleted object that access is denied
   * (docs/adr/0028).
   */
  allow(fn: SluiceFunction, ...actions: ('s3:DeleteObject' | 's3:GetObject' | 's3:PutObject')[]): void {
    this.#add(fn, actions, this.bucket.arnForObjects('*'))
    if (actions.includes('s3:GetObject')) this.#add(fn, ['s3:ListBucket'], this.bucket.bucketArn)
    // So a new version of the function starts after the bucket has its permissions.
    if (this.bucket.policy) fn.lambda.node.addDependency(this.bucket.policy)
  }

  #add({ role }: SluiceFunction, actions: string[], resource: string): void {
    this.bucket.addToResourcePolicy(
      new PolicyStatement({ effect: Effect.ALLOW, principals: [role], actions, resources: [resource] }),
    )
  }
}
