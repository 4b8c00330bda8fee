import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'

export interface S3Model {
  execute(command: unknown): unknown
  text(key: string): string | undefined
}

export function s3Model(): S3Model {
  const objects = new Map<string, string>()
  return {
    text: key => objects.get(key),
    execute: command => {
      if (command instanceof PutObjectCommand) {
        objects.set(command.input.Key ?? '', String(command.input.Body))
        return {}
      }
      if (command instanceof DeleteObjectCommand) {
        objects.delete(command.input.Key ?? '')
        return {}
      }
      if (!(command instanceof GetObjectCommand)) throw new Error('this command is not modelled')
      const text = objects.get(command.input.Key ?? '')
      if (text === undefined) throw new NoSuchKey({ message: 'no such key', $metadata: {} })
      return { Body: { transformToString: async () => text } }
    },
  }
}

export const s3Client = (send: (command: unknown) => Promise<unknown>): S3Client => ({ send }) as unknown as S3Client
