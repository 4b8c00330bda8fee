import { parseArgs } from 'node:util'
import { BACKENDS, type Backend } from './queues.ts'

/** The options of `npm run simulate`. */
export interface Options {
  /** The number of histories. */
  readonly seeds: number
  /** The seed of the first history. */
  readonly seed: number
  readonly backend: Backend
  readonly trace: boolean
}

/** The options, or a text to print in place of a run: the usage, or what is wrong with the options. */
export type Read = { readonly options: Options } | { readonly usage: string } | { readonly refusal: string }

const USAGE = `npm run simulate -- [options]: runs histories of the real handlers under faults, each from a seed.

  --seeds N       how many histories run (default: 1000)
  --seed S        the seed of the first history (default: 1)
  --backend NAME  the queues: ${BACKENDS.join(' or ')} (default: QUEUE_BACKEND, and otherwise sqs)
  --trace         also prints the first history
  --help          prints this text

A failure prints its seed, and the shortest history found that fails in the same way. The exit code is then 1.`

/** Reads the options of a command line. `backend` is the default of `--backend`. */
export function readOptions(args: readonly string[], backend = 'sqs'): Read {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        backend: { type: 'string', default: backend },
        trace: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    return values.help ? { usage: USAGE } : checked(values)
  } catch (error) {
    if (!isParseError(error)) throw error
    return { refusal: `${firstSentence(error.message)} (--help shows the options)` }
  }
}

interface Values {
  readonly seeds: string
  readonly seed: string
  readonly backend: string
  readonly trace: boolean
}

function checked({ seeds, seed, backend, trace }: Values): Read {
  const known = BACKENDS.find(one => one === backend)
  if (!known) return { refusal: `--backend must be ${BACKENDS.join(' or ')}, not ${backend}` }
  for (const [option, text] of Object.entries({ '--seed': seed, '--seeds': seeds }))
    if (!isWholeNumber(text)) return { refusal: `${option} must be a whole number, not ${text}` }
  return { options: { seeds: Number(seeds), seed: Number(seed), backend: known, trace } }
}

const isWholeNumber = (text: string): boolean => /^\d+$/.test(text) && Number.isSafeInteger(Number(text))

/** Whether `parseArgs` has thrown the error because of the command line, as for an unknown option. */
const isParseError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')

/** Returns the first sentence of a message of `parseArgs`. The further sentences explain rare forms of a command line. */
const firstSentence = (message: string): string => message.split(/\.\s/)[0] ?? message
