import type { Command } from 'commander'
import type { Answer } from '../answer.ts'
import { init } from '../init/init.ts'

/** `sluice init`. It needs no system. */
export function addInit(program: Command, { finish }: { finish(answer: Answer): void }): void {
  program
    .command('init')
    .description('make a new deployment: an app of the CDK that uses this package; files that are there are kept')
    .argument('[folder]', 'where', '.')
    .action((folder: string) => finish(init(folder)))
}
