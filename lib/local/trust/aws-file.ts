import * as z from 'zod'

/**
 * The file in the data folder with the data that a caller of the emulators needs besides their addresses. It exists while the system runs.
 * local.json has the addresses, and nothing that is secret.
 */
export const AWS_FILE = 'aws.json'

export const AwsFile = z.object({
  /** The emulators accept only calls that are signed with it. */
  accessKeyId: z.string().min(1),
  /** The address that refuses calls of services without an emulator. */
  otherServices: z.url(),
})
export type AwsFile = z.infer<typeof AwsFile>
