declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** Builds DynamoDB's API as an HTTP server, over LevelDB in `path` or in memory; times are in milliseconds. */
  // biome-ignore lint/style/noDefaultExport: it is how the package is made
  export default function dynalite(options: {
    path?: string
    createTableMs?: number
    deleteTableMs?: number
    updateTableMs?: number
  }): Server
}
