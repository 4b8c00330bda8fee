import type { Payloads } from './port.ts'

/** S3, loaded at its first use: most requests are small, and its client is larger than all else in a bundle. */
export function lazyS3Payloads(bucket: string): Payloads {
  let loading: Promise<Payloads> | undefined
  const load = () => {
    loading ??= import('./s3.ts').then(({ s3Client, s3Payloads }) => s3Payloads(s3Client(), bucket))
    return loading
  }
  return {
    put: async (key, json) => (await load()).put(key, json),
    get: async key => (await load()).get(key),
    delete: async key => (await load()).delete(key),
  }
}
