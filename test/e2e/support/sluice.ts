import { expect } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import { environment, type Output, type RunningSystem } from './system.ts'

/** The command line as bin/sluice.ts runs it, but for the process: half a second of a core, each. */
export async function runSluice(
  { dataFolder }: RunningSystem,
  ...argv: string[]
): Promise<Output & { readonly code: number }> {
  let out = ''
  let err = ''
  const code = await main(argv, {
    env: environment({ SLUICE_DATA: dataFolder }),
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  })
  return { code, out, err }
}

/** What a command that succeeds prints with `--json`. */
export async function jsonOfSluice<T>(system: RunningSystem, ...argv: string[]): Promise<T> {
  const { code, out, err } = await runSluice(system, ...argv, '--json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}
