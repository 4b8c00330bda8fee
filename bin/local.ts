import { main } from '../lib/start.ts'

await main(process.env)
