import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The file in which fauxqs keeps its queues. */
const FILE = 'fauxqs.db'

/**
 * Makes the messages visible that an earlier run had received and not deleted. Whoever received them has ended with that run, so nobody
 * would gain from the rest of their visibility timeouts. Their receive counts stay. Call this before fauxqs opens the folder.
 */
export function endReceives(folder: string): void {
  const file = join(folder, FILE)
  if (!existsSync(file)) return
  const database = new DatabaseSync(file)
  try {
    // A first start that was killed leaves a file without tables. fauxqs makes them.
    if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sqs_messages'").get()) return
    database.exec(
      'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE receipt_handle IS NOT NULL',
    )
  } finally {
    database.close()
  }
}
