import type { Payloads } from './port.ts'

/**
 * Makes a payload store in S3 whose code is loaded at its first use. The client of S3 is the largest part of a
 * function's bundle, but most requests are small and do not need it. So functions start faster.
 */
export function lazyS3Payloads(bucket: string): Payloads {
  let loading: Promise<Payloads> | undefined
  const load = () => {
    loading ??= loadS3(bucket)
    return loading
  }
  return {
    put: async (key, json) => (await load()).put(key, json),
    get: async key => (await load()).get(key),
    delete: async key => (await load()).delete(key),
  }
}

async function loadS3(bucket: string): Promise<Payloads> {
  const [{ s3 }, { s3Payloads }] = await Promise.all([import('../../platform/s3-client.ts'), import('./s3.ts')])
  return s3Payloads(s3(), bucket)
}
