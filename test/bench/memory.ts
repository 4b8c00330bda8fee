import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { table } from './table.ts'

const MB = 1024 * 1024

const BODIES = {
  small: () => JSON.stringify({ prompt: 'hello' }),
  text: () => JSON.stringify({ prompt: 'x'.repeat(4 * MB - 14) }),
  // V8 stores a text with two bytes per character if one of its characters is not in Latin-1. So such a text needs twice the memory.
  'wide text': () => JSON.stringify({ prompt: `\u2603${'x'.repeat(4 * MB - 17)}` }),
  'wide text and 49,990 objects': () => {
    const objects = Array.from({ length: 24_990 }, (_, i) => ({ [`k${i}`]: i + 0.5 }))
    const rest = JSON.stringify({ prompt: '\u2603', parameters: { objects } })
    return rest.replace('\u2603', `\u2603${'x'.repeat(4 * MB - Buffer.byteLength(rest))}`)
  },
} as const

const list = (item: string, count: number) => `{"result":[${`${item},`.repeat(count - 1)}${item}]}`
const ANSWERS = {
  small: () => '{"result":"hello"}',
  text: () => `{"result":"${'x'.repeat(8 * MB - 20)}"}`,
  'wide text': () => `{"result":"\u2603${'x'.repeat(8 * MB - 30)}"}`,
  '300,000 numbers': () => list('-0.0123456789012345', 300_000),
  '100,000 objects': () => list('{}', 100_000),
  '250,000 objects': () => list('{}', 250_000),
  '500,000 objects': () => list('{}', 500_000),
  '1,000,000 texts': () => list('"abcdef"', 880_000),
  '8 MB of objects': () => list('{}', (8 * MB - 20) / 3),
} as const

type Kind = readonly [body: keyof typeof BODIES, answer: keyof typeof ANSWERS]

/** The sizes of the heap that are tried, in MB. */
const HEAPS = [32, 48, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 1_024, 1_536, 2_048]

interface Need {
  readonly heap: number
  readonly rss: number
  readonly ends: string
}

/** Finds the smallest heap with which an invocation of a worker with `calls` requests, all with this kind of body and answer, does not run out of memory. */
async function needOf(calls: number, [body, answer]: Kind, folder: string): Promise<Need> {
  const bodyFile = join(folder, 'body.json')
  writeFileSync(bodyFile, BODIES[body]())
  const answerText = Buffer.from(ANSWERS[answer]())
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(answerText))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let [low, high] = [-1, HEAPS.length - 1]
  let found = { ends: 'never', rss: 0 }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    const done = await runIn(HEAPS[middle] ?? 0, [String(calls), bodyFile, url])
    if (done === undefined) low = middle
    else [high, found] = [middle, done]
  }
  server.close()
  return { heap: HEAPS[high] ?? 0, ...found }
}

/** Runs an invocation with a heap of this size in MB. Returns undefined if the heap was too small. */
async function runIn(heap: number, argv: readonly string[]): Promise<Omit<Need, 'heap'> | undefined> {
  const script = fileURLToPath(new URL('memory-process.ts', import.meta.url))
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [`--max-old-space-size=${heap}`, script, ...argv])
    return JSON.parse(stdout)
  } catch {
    return undefined
  }
}

const KINDS: readonly Kind[] = [
  ['small', 'small'],
  ['text', 'small'],
  ['wide text', 'small'],
  ['wide text and 49,990 objects', 'small'],
  ['small', 'text'],
  ['small', 'wide text'],
  ['small', '300,000 numbers'],
  ['small', '100,000 objects'],
  ['small', '250,000 objects'],
  ['small', '1,000,000 texts'],
  ['small', '8 MB of objects'],
  ['wide text and 49,990 objects', '250,000 objects'],
]

/** The numbers of simultaneous calls in an invocation that are measured: one, the default, and the maximum. */
const CALLS = [1, 2, 10]

/** Measures the heap, and the memory of the process, that an invocation of a worker needs, by the kind of its bodies and answers. */
export async function benchMemory(kinds: readonly Kind[] = KINDS, all: readonly number[] = CALLS): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const rows: (string | number)[][] = []
  try {
    for (const kind of kinds)
      for (const calls of all) {
        const { heap, rss, ends } = await needOf(calls, kind, folder)
        rows.push([...kind, calls, heap, rss, ends])
        process.stderr.write(`${rows.at(-1)?.join(' | ')}\n`)
      }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return `Memory of a worker, in MB\n\n${table(['bodies', 'answers', 'calls', 'heap', 'process', 'ends'], rows)}`
}
