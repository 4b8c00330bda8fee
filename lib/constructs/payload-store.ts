import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import type { SluiceFunction } from './function.ts'

/** The S3 bucket of bodies and results that are too large for a message or a row of the ledger. */
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
    // The bucket keeps no versions, because each object has its own name and never changes.
    this.bucket = new Bucket(this, 'Bucket', {
      ...common,
      // The cast is needed, because the CDK's types contradict each other under TypeScript's `exactOptionalPropertyTypes`.
      serverAccessLogsBucket: accessLogs as IBucket,
      lifecycleRules: [{ expiration: retention, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    })
  }

  /**
   * Lets a function use objects of the bucket. The permissions are in the bucket's policy, and not in the role's
   * policy. In the role's policy, their resource would be a wildcard (all objects of the bucket) among resources
   * without wildcards.
   *
   * A function that reads objects also gets `s3:ListBucket`. Without this permission, S3 answers "access denied" for a
   * deleted object, and not "not found". The function would take this for a missing permission, and a client that asks for
   * an old result would get an error each time (docs/adr/0028).
   */
  allow(fn: SluiceFunction, ...actions: ('s3:DeleteObject' | 's3:GetObject' | 's3:PutObject')[]): void {
    this.#add(fn, actions, this.bucket.arnForObjects('*'))
    if (actions.includes('s3:GetObject')) this.#add(fn, ['s3:ListBucket'], this.bucket.bucketArn)
    // A new version of the function must start only after the bucket's policy has the function's permissions. Otherwise S3
    // would deny its first calls.
    if (this.bucket.policy) fn.lambda.node.addDependency(this.bucket.policy)
  }

  #add({ role }: SluiceFunction, actions: string[], resource: string): void {
    this.bucket.addToResourcePolicy(
      new PolicyStatement({ effect: Effect.ALLOW, principals: [role], actions, resources: [resource] }),
    )
  }
}
