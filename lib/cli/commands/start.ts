import type { Command } from 'commander'
import { checkLocal } from '../target-choice.ts'

/** Adds the command `sluice start`. It runs until Ctrl-C, and ends the process. */
export function addStart(program: Command, { start }: { start?(): Promise<void> }): void {
  program
    .command('start')
    .description('run the whole system on this machine, until Ctrl-C')
    .action(() => {
      checkLocal(program, 'start')
      return start?.()
    })
}
