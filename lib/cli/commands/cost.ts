import { type Command, Option } from 'commander'
import { SPREADS, type Traffic } from '../../cost/load.ts'
import type { Answer } from '../answer.ts'
import { modelSeconds, monthlyRequests, openReservations } from '../arguments.ts'
import { type Place, pipelineFile } from '../project.ts'

/** Adds the command `sluice cost`. It needs no system and no account: it reads the pipeline file. */
export function addCost(program: Command, { finish, ...place }: Place & { finish(answer: Answer): void }): void {
  program
    .command('cost')
    .description("compute a month's AWS bill of a pipeline file, item by item, from list prices")
    .argument('[file]', 'the pipeline file; by default the file in SLUICE_CONFIG, or pipeline.yaml')
    .option(
      '--requests <number>',
      'requests per month, such as 1e6; 0 for a deployment without traffic',
      monthlyRequests,
      1e6,
    )
    .option('--model-seconds <seconds>', 'the time of one call to a model', modelSeconds, 2)
    .option(
      '--open <number>',
      'open reservations per user at the same time: each open reservation makes an admission more expensive',
      openReservations,
      1,
    )
    .addOption(
      new Option(
        '--spread <how>',
        'even: the requests come at the same pace all the time; bursts: the requests come together, and the workers are busy until all are done',
      )
        .choices(SPREADS)
        .default('even'),
    )
    .action(async (file: string | undefined, traffic: Traffic) => {
      // The CDK is loaded only here, because it takes seconds to load and no other command needs it.
      const { costOf } = await import('../cost.ts')
      finish(costOf(file ?? pipelineFile(place), place.env, traffic))
    })
}
