import { RefusedInput } from '../../../functions/core/domain/messages.ts'
import type { Admin } from '../admin.ts'

type Ports = Pick<Admin, 'erasure' | 'deadLetters' | 'payloads'>

/** The number of ids that one statement reads. */
const PAGE = 500

/**
 * Deletes those dead letters of a user that belong to no request: refused messages of inputs, with their stored texts, and messages
 * that could not be read, if their text names the user. Returns how many were deleted. Rejects with `Unavailable` if the service can't be reached.
 */
export async function deleteLooseLetters(ports: Ports, userId: string): Promise<number> {
  let deleted = 0
  for (let after: string | undefined; ; ) {
    const ids = await ports.erasure.looseLetters(userId, after, PAGE)
    for (const id of ids) if (await deleteIfOf(ports, id, userId)) deleted += 1
    if (ids.length < PAGE) return deleted
    after = ids.at(-1)
  }
}

/**
 * Deletes a dead letter of the user. It deletes the stored text first. In the other order, a crash could leave a text
 * that no dead letter names, and the text would stay.
 */
async function deleteIfOf({ deadLetters, payloads }: Ports, id: string, userId: string): Promise<boolean> {
  const message = await deadLetters.message(id)
  const input = RefusedInput.safeParse(message).data
  const key = input && 'key' in input.body ? input.body.key : undefined
  const text = key === undefined ? textOf(input, message) : await payloads.get(key)
  if (!isOf(text, userId)) return false
  if (key !== undefined) await payloads.delete(key)
  await deadLetters.remove([id])
  return true
}

function textOf(input: RefusedInput | undefined, message: unknown): unknown {
  if (input && 'inline' in input.body) return input.body.inline
  return typeof message === 'object' && message !== null && 'text' in message ? message.text : undefined
}

/** Returns whether a message names the user. Text that is not valid JSON, or was cut off, may still name the user. */
function isOf(text: unknown, userId: string): boolean {
  if (typeof text !== 'string') return false
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'user_id' in value && value.user_id === userId
  } catch {
    return text.replaceAll(/\s/g, '').includes(`"user_id":"${userId}"`)
  }
}
