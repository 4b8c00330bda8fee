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
    // Not versioned: an object is written under a name of its own and never changed.
    this.bucket = new Bucket(this, 'Bucket', {
      ...common,
      // The CDK's own types do not agree with each other under exactOptionalPropertyTypes.
      serverAccessLogsBucket: accessLogs as IBucket,
      lifecycleRules: [{ expiration: retention, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    })
  }

  /** In the bucket's own policy: in a role's, the objects could only be named by a wildcard among its other resources. */
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
