import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The file in which fauxqs, the emulator of SQS, keeps its queues. */
const FILE = 'fauxqs.db'

/**
 * Makes messages visible that an earlier run of the local system has received and not deleted. Their receivers have ended with that run, so the rest of
 * the visibility timeouts would only delay the messages. The receive counts stay, as in SQS after a visibility timeout. Call this before fauxqs opens the
 * folder.
 */
export function endReceives(folder: string): void {
  const file = join(folder, FILE)
  if (!existsSync(file)) return
  const database = new DatabaseSync(file)
  try {
    // If the first start was killed, the file may have no tables yet. fauxqs creates them later.
    if (!database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'sqs_messages'").get()) return
    database.exec(
      'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE receipt_handle IS NOT NULL',
    )
  } finally {
    database.close()
  }
}
