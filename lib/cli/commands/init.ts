import type { Command } from 'commander'
import type { Answer } from '../answer.ts'

/** Adds the command `sluice init`. It needs no system. */
export function addInit(program: Command, { finish }: { finish(answer: Answer): void }): void {
  program
    .command('init')
    .description('make a new deployment: an app of the CDK that uses this package; files that are there are kept')
    .argument('[folder]', 'where', '.')
    .action(async (folder: string) => {
      const { init } = await import('../init/init.ts')
      finish(init(folder))
    })
}
