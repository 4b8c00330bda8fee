import type { Command } from 'commander'
import { systemClock } from '../../../functions/core/platform/clock.ts'
import type { Answer } from '../answer.ts'
import { pipelineFile } from '../project.ts'
import { Refusal } from '../refusal.ts'
import type { LocalSystem } from '../running-locally.ts'
import { DEFAULT_STACK, type Surroundings, type TargetChoice } from '../target-choice.ts'

type Io = Surroundings & { finish(answer: Answer): void }

/** Adds the command `sluice doctor` */
export function addDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .description(
      'check this machine or, with --target aws, an AWS account before a deployment and the stack after it; one line per check',
    )
    .argument('[file]', 'the pipeline file; by default the file in SLUICE_CONFIG, or pipeline.yaml')
    .option('--no-request', 'do not send a request through the system: this request calls the model once')
    .addHelpText('after', HELP)
    .action(async (file: string | undefined, { request }: { request: boolean }) => {
      io.finish(await doctor(file ?? pipelineFile(io), program.opts<TargetChoice>(), request, io))
    })
}

const HELP = `
With --target aws, the command checks region and credentials, the CDK's bootstrap, Lambda's concurrent executions, the RDS Data API in
the region, quotas, and the models' addresses and secrets. If the stack exists, the command also checks its state, its API, its ledger,
its broker and the mappings of the broker, sends a request through it, and shows the last error of each function in the last 24 hours.
Without --target aws, the command checks the local system if it runs, and otherwise the things that npm start needs. If the file has
another queue.backend than the stack or the local system, the check \`queues\` shows how many messages are left in the present queues.

The request is from the user sluice-doctor, with a key that is deleted afterwards. The request is in the ledger, and calls the model once.

The exit code is 1 if a check failed, and otherwise 0, even if there are warnings.
With --json: { "ok", "checks": [ { "check", "state", "found", "todo"? } ] }; state is ok, warning, failed or skipped.`

async function doctor(file: string, { target, stack }: TargetChoice, mayCall: boolean, io: Io): Promise<Answer> {
  // These modules are loaded only here. They load the clients of many services, and no other command needs these clients.
  const [{ answerOf, skipped }, { readPipeline }] = await Promise.all([
    import('../doctor/check.ts'),
    import('../doctor/pipeline.ts'),
  ])
  const { pipeline, check } = readPipeline(file, io.env)
  const now = (io.clock ?? systemClock)()
  if (target === 'aws') {
    const { examineAws } = await import('../doctor/aws.ts')
    const name = stack ?? pipeline?.name ?? DEFAULT_STACK
    return answerOf([check, ...(await examineAws({ stack: name, pipeline, mayCall, now }, io))])
  }
  const { examineMachine, examineRunning } = await import('../doctor/local.ts')
  const system = await running(io)
  const rest =
    typeof system === 'string'
      ? [...(await examineMachine(io.env, pipeline)), skipped('system', system)]
      : await examineRunning(system, io, { pipeline, now, mayCall })
  return answerOf([check, ...rest])
}

/** Returns the running local system, or the reason why there is none. */
async function running(place: Surroundings): Promise<LocalSystem | string> {
  const { runningLocally } = await import('../running-locally.ts')
  try {
    return runningLocally(place)
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}
