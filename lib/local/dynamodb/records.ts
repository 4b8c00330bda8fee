import type { Change, Database } from 'dynalite/db/index.js'

/** A stored record: its JSON text and, if the text was parsed before, its value. All readers share the value, so nobody may change it. */
interface RecordText {
  readonly text: string
  value?: unknown
}

/**
 * The records in the database of dynalite, the emulator of DynamoDB. A write does not wait for the disk: later reads return the new record before it
 * is on disk. All writes of a turn of the event loop go to the disk together. So no call may be answered before `durable` has resolved. Otherwise a
 * crash could undo an answered write.
 */
export interface Records {
  read(key: string): RecordText | undefined
  write(key: string, text: string, value: unknown): void
  remove(key: string): void
  /** Resolves when all earlier writes are on disk. Undefined if they are on disk already. */
  durable(): Promise<void> | undefined
}

/** The highest number of characters of the records that are kept in memory. Records that are just being written are not counted. */
const MAX_KEPT = 4 * 1024 * 1024

/** Makes the records of an open database. It also replaces the database's own methods, so that dynalite's code reads and writes the same records. */
export function keepRecords(database: Database): Records {
  const writeToDisk = database.batch.bind(database)
  const kept = keepRecent(MAX_KEPT)
  /** `next` has the changes that are not sent to the disk yet. `writing` has the changes that are being written. An undefined record means a removal. */
  let next = new Map<string, RecordText | undefined>()
  let writing: typeof next = new Map()
  let nextDone = Promise.withResolvers<void>()
  let writingDone = nextDone
  let isScheduled = false

  function read(key: string): RecordText | undefined {
    if (next.has(key)) return next.get(key)
    if (writing.has(key)) return writing.get(key)
    const known = kept.get(key)
    if (known) return known
    const text = database.getSync(key, { valueEncoding: 'utf8' })
    if (text === undefined) return undefined
    const record = { text }
    kept.set(key, record)
    return record
  }

  function change(key: string, record: RecordText | undefined): void {
    if (next.size === 0) nextDone = Promise.withResolvers()
    next.set(key, record)
    schedule()
  }

  function schedule(): void {
    if (isScheduled || writing.size > 0 || next.size === 0) return
    isScheduled = true
    setImmediate(flush)
  }

  function flush(): void {
    isScheduled = false
    writing = next
    writingDone = nextDone
    next = new Map()
    // Perhaps no call waits for this promise. Without this handler, its rejection would end the thread.
    writingDone.promise.catch(() => {})
    writeToDisk([...writing].map(changeOf), error => {
      for (const [key, record] of writing) {
        if (record && !error) kept.set(key, record)
        else kept.delete(key)
      }
      writing = new Map()
      if (error) writingDone.reject(error)
      else writingDone.resolve()
      schedule()
    })
  }

  const records: Records = {
    read,
    write: (key, text, value) => change(key, { text, value }),
    remove: key => change(key, undefined),
    durable() {
      if (next.size > 0) return nextDone.promise
      return writing.size > 0 ? writingDone.promise : undefined
    },
  }
  lead(database, records)
  return records
}

const changeOf = ([key, record]: [string, RecordText | undefined]): Change =>
  record ? { type: 'put', key, value: record.text, valueEncoding: 'utf8' } : { type: 'del', key }

/** Makes dynalite's own code use the records. dynalite may change the values that it reads. So it gets copies, and other readers see no change. */
function lead(database: Database, { read, write, remove }: Records): void {
  database.get = (key, callback) => {
    const record = read(key)
    callback(null, record && JSON.parse(record.text))
  }
  database.put = (key, value, callback) => {
    const text = JSON.stringify(value)
    write(key, text, JSON.parse(text))
    callback(null)
  }
  database.del = (key, callback) => {
    remove(key)
    callback(null)
  }
  database.batch = (changes, callback) => {
    for (const change of changes) {
      if (change.type === 'del') remove(change.key)
      else {
        const text = JSON.stringify(change.value)
        write(change.key, text, JSON.parse(text))
      }
    }
    callback(null)
  }
}

/** Keeps the records that were used last, up to `limit` characters. */
function keepRecent(limit: number) {
  const records = new Map<string, RecordText>()
  let size = 0

  function remove(key: string): RecordText | undefined {
    const record = records.get(key)
    if (record && records.delete(key)) size -= record.text.length
    return record
  }

  function set(key: string, record: RecordText): void {
    remove(key)
    records.set(key, record)
    size += record.text.length
    for (const oldest of records.keys()) {
      if (size <= limit) return
      remove(oldest)
    }
  }

  return {
    get(key: string): RecordText | undefined {
      const record = remove(key)
      if (record) set(key, record)
      return record
    },
    set,
    delete: (key: string): void => void remove(key),
  }
}
