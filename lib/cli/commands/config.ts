import type { Command } from 'commander'
import type { Answer } from '../answer.ts'
import { type Place, pipelineFile } from '../project.ts'

/** Adds the command `sluice config check|schema`. It needs no system. */
export function addConfig(program: Command, { finish, ...place }: Place & { finish(answer: Answer): void }): void {
  const config = program.command('config').description('the pipeline file')
  config
    .command('check')
    .description('check a pipeline file, and print each mistake with its line and column')
    .argument('[file]', 'the pipeline file; by default the file in SLUICE_CONFIG, or pipeline.yaml')
    .action(async (file: string | undefined) => {
      const { configCheck } = await import('../config.ts')
      finish(configCheck(file ?? pipelineFile(place), place.env))
    })
  config
    .command('schema')
    .description('print the JSON Schema of the pipeline file, for editors')
    .action(async () => {
      const { configSchema } = await import('../config.ts')
      finish(configSchema())
    })
}
