// The parts of dynalite, the emulator of DynamoDB, that lib/local/dynamodb uses. The package has no types. It documents only its server, so another
// version may have other internals. So package.json names one exact version of dynalite (a test checks that).

declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** Makes an HTTP server with DynamoDB's API, and tables in memory. */
  // biome-ignore lint/style/noDefaultExport: the package has a default export
  export default function dynalite(options: {
    createTableMs?: number
    deleteTableMs?: number
    updateTableMs?: number
  }): Server
}

declare module 'dynalite/db/index.js' {
  import type { Condition, Item, Path, Table } from '../dynamodb/types.ts'

  /** A change in a batch of LevelDB. With `utf8`, the value is a text that is stored as it is. Other values are stored as JSON. */
  export type Change =
    | { readonly type: 'put'; readonly key: string; readonly value: unknown; readonly valueEncoding?: 'utf8' }
    | { readonly type: 'del'; readonly key: string }

  type Callback<Result = void> = (error: Error | null, result?: Result) => void

  /** LevelDB, or a database in memory with the same methods. */
  export interface Database {
    open(): Promise<void>
    getSync(key: string, options: { valueEncoding: 'utf8' }): string | undefined
    get(key: string, callback: Callback<unknown>): void
    put(key: string, value: unknown, callback: Callback): void
    del(key: string, callback: Callback): void
    batch(changes: readonly Change[], callback: Callback): void
    close(callback: Callback): void
  }

  export interface Store {
    readonly db: Database
    readonly options: { readonly maxItemSize: number }
  }

  /** An error with which dynalite refuses a call: the status and the body of its HTTP answer. */
  export interface Refusal extends Error {
    readonly statusCode: number
    readonly body: object
  }

  interface IndexChange {
    readonly index: string
    readonly key: string
  }

  const db: {
    create(options: { path?: string; createTableMs: number; deleteTableMs: number; updateTableMs: number }): Store
    createKey(item: Item, table: Table): string
    validateKey(key: Item, table: Table): Refusal | null | undefined
    validateItem(item: Item, table: Table): Refusal | null | undefined
    validateUpdates(legacy: undefined, updates: object | undefined, table: Table): Refusal | null | undefined
    validateKeyPaths(nestedPaths: object | undefined, table: Table): Refusal | null | undefined
    validationError(message: string): Refusal
    matchesExprFilter(item: Item, condition: Condition): boolean
    mapPath(path: Path, item: Item): unknown
    mapPaths(paths: readonly (string | Path)[], item: Item): Item
    itemSize(item: Item): number
    addConsumedCapacity(call: object, isRead: boolean, item?: Item, oldItem?: Item): object | undefined
    getIndexActions(
      indexes: readonly object[],
      oldItem: Item | undefined,
      item: Item | undefined,
      table: Table,
    ): { puts: (IndexChange & { readonly item: Item })[]; deletes: IndexChange[] }
  }
  // biome-ignore lint/style/noDefaultExport: a CommonJS module has a default export
  export default db
}

declare module 'dynalite/validations/index.js' {
  const validations: {
    checkTypes(call: object, types: object): Record<string, unknown>
    checkValidations(call: object, types: object, custom: unknown, store: unknown): void
    /** Parses the expressions of a call into `_updates`, `_condition` and so on. Returns a sentence about the first mistake, or undefined. */
    validateExpressions(call: object): string | undefined
  }
  // biome-ignore lint/style/noDefaultExport: a CommonJS module has a default export
  export default validations
}
