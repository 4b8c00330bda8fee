import { isTerminal } from '../../../functions/core/domain/item.ts'
import type { StoredRow } from '../models/rds-data.ts'
import type { Known, StoredItem } from './known.ts'

type Fail = (rule: string) => void

/**
 * Checks the field `erased`, which marks a deleted request, in a write of the request item: only a deletion by the owner sets the field,
 * nothing removes it, and a marked request never runs again.
 */
export function checkMark({ erasing }: Known, before: StoredItem | undefined, after: StoredItem, fail: Fail): void {
  if (before?.erased && !after.erased) fail('a deleted request comes back')
  if (before?.erased && before.status === 'failed' && after.status === 'queued') fail('a deleted request is run again')
  if (before?.erased || !after.erased) return
  if (!erasing.has(after.request_id)) fail('a request is deleted that nobody wanted to delete')
  if (!isTerminal(after.status) && !after.cancel_requested) fail('a request is deleted that goes on')
}

/** Returns true if a write of a request item changes nothing except that it marks the request as deleted. */
export function isMark(before: StoredItem, after: StoredItem): boolean {
  const { erased: _, ...seen } = before
  const { erased, ...rest } = after
  return erased === true && JSON.stringify(rest) === JSON.stringify(seen)
}

/** Checks that the ledger has no prompt, result or message of a deleted request, even if events arrived after the deletion. */
export function checkErasures({ world, items, rdsData }: Known): void {
  for (const { request_id, erased } of items.values()) {
    if (!erased) continue
    const row = rdsData.requests.get(request_id)
    if (!row || hasContent(row)) world.violate(`I10: ${request_id} is deleted, and its row is not empty`)
    for (const letter of rdsData.deadLetters.values())
      if (letter.request_id === request_id && letter.message !== null)
        world.violate(`I10: ${request_id} is deleted, and its dead letter ${letter.id} has its message`)
  }
}

const hasContent = ({ prompt, prompt_key, result, result_key }: StoredRow): boolean =>
  [prompt, prompt_key, result, result_key].some(value => value !== null)
