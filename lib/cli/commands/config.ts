import type { Command } from 'commander'
import type { Environment } from '../../config/interpolate.ts'
import type { Answer } from '../answer.ts'
import { configCheck, configSchema } from '../config.ts'

/** `sluice config check|schema`. They need no system. */
export function addConfig(program: Command, { env, finish }: { env: Environment; finish(answer: Answer): void }): void {
  const config = program.command('config').description('the pipeline file')
  config
    .command('check')
    .description('check a pipeline file, and print each mistake with its line and column')
    .argument('[file]', 'pipeline.yaml by default, or what SLUICE_CONFIG names')
    .action((file: string | undefined) => finish(configCheck(file ?? (env.SLUICE_CONFIG || 'pipeline.yaml'), env)))
  config
    .command('schema')
    .description('print the JSON Schema of the pipeline file, for editors')
    .action(() => finish(configSchema()))
}
