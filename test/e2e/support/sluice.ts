import { expect } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import { environment, type Output, type RunningSystem } from './system.ts'

/** Runs a command as bin/sluice.ts does, but in this process. A new process would take half a second of a core per command. */
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

/** Runs a command with `--json`, expects that it succeeds, and returns the printed value. */
export async function jsonOfSluice<T>(system: RunningSystem, ...argv: string[]): Promise<T> {
  const { code, out, err } = await runSluice(system, ...argv, '--json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out)
}
