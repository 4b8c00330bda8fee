declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** Makes an HTTP server with DynamoDB's API. It stores tables with LevelDB in `path`, or in memory. */
  // biome-ignore lint/style/noDefaultExport: the package has a default export
  export default function dynalite(options: {
    path?: string
    createTableMs?: number
    deleteTableMs?: number
    updateTableMs?: number
  }): Server
}
