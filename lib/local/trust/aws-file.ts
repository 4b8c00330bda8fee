import * as z from 'zod'

/**
 * The file in the data folder with the access key id, which a caller of the emulators needs. The file exists while the system runs. The addresses of
 * the emulators are in local.json, which contains nothing secret.
 */
export const AWS_FILE = 'aws.json'

export const AwsFile = z.object({
  /** The emulators accept only calls that are signed with this id. */
  accessKeyId: z.string().min(1),
  /** The address that refuses calls to services without an emulator. */
  otherServices: z.url(),
})
export type AwsFile = z.infer<typeof AwsFile>
