import type { Command } from 'commander'
import type { Answer } from '../answer.ts'

/** Adds the command `sluice init`. It needs no system. */
export function addInit(program: Command, { finish }: { finish(answer: Answer): void }): void {
  program
    .command('init')
    .description('make a new deployment: a CDK app that uses this package; existing files are kept')
    .argument('[folder]', 'the folder of the new app', '.')
    .action(async (folder: string) => {
      const { init } = await import('../init/init.ts')
      finish(init(folder))
    })
}
