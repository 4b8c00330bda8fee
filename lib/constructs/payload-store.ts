import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Effect, type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'

/** The bucket of prompts and results that are too large for a message or a row. */
export class PayloadStore extends Construct {
  readonly bucket: Bucket

  constructor(scope: Construct, id: string, { retention }: { retention: Duration }) {
    super(scope, id)
    const common = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
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

  /** Adds the permission to the bucket's policy. In a role's policy, the objects would be a wildcard among its other resources. */
  allow(role: IRole, ...actions: ('s3:DeleteObject' | 's3:GetObject' | 's3:PutObject')[]): void {
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        principals: [role],
        actions,
        resources: [this.bucket.arnForObjects('*')],
      }),
    )
  }
}
