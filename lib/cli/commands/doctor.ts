import type { Command } from 'commander'
import { systemClock } from '../../../functions/core/platform/clock.ts'
import type { Answer } from '../answer.ts'
import { pipelineFile } from '../project.ts'
import { Refusal } from '../refusal.ts'
import type { LocalSystem } from '../running-locally.ts'
import { checkChoice, DEFAULT_STACK, type Surroundings, type TargetChoice } from '../target-choice.ts'

type Io = Surroundings & { finish(answer: Answer): void }

/** `sluice doctor` */
export function addDoctor(program: Command, io: Io): void {
  program
    .command('doctor')
    .description(
      'check an AWS account before a deployment and a stack after it (--target aws), or this machine; a line per check',
    )
    .argument('[file]', 'pipeline.yaml by default, or what SLUICE_CONFIG names')
    .option('--no-request', 'send no request through the system, which would call the model once')
    .addHelpText('after', HELP)
    .action(async (file: string | undefined, { request }: { request: boolean }) => {
      const choice = program.opts<TargetChoice>()
      checkChoice(program, choice)
      io.finish(await doctor(file ?? pipelineFile(io), choice, request, io))
    })
}

const HELP = `
With --target aws: region and credentials, the CDK's bootstrap, Lambda's concurrent executions, the RDS Data API in the region, quotas,
the models' addresses and secrets. If the stack is there, too: its state, its API, its ledger, its broker and the mappings of that, a
request through all of it, and the last error of each function in the last 24 hours. Without --target aws: the local system while it
runs, or what npm start needs.
If the file has another queue.backend than the stack or the local system, the check \`queues\` says what is left in the present queues.

The request is one of the user sluice-doctor, with a key that is deleted afterwards. It is in the ledger, and costs a call of the model.

The exit code is 0 if no check failed, also with warnings, and 1 if one did.
With --json: { "ok", "checks": [ { "check", "state", "found", "todo"? } ] }; state is ok, warning, failed or skipped.`

async function doctor(file: string, { target, stack }: TargetChoice, mayCall: boolean, io: Io): Promise<Answer> {
  // These modules load the clients of many services, which no other command needs.
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

/** The local system that runs, or why there is none. */
async function running(place: Surroundings): Promise<LocalSystem | string> {
  const { runningLocally } = await import('../running-locally.ts')
  try {
    return runningLocally(place)
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}
