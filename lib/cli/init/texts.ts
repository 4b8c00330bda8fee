import { readFileSync } from 'node:fs'
import { readCdkJson } from '../../feature-flags.ts'
import { ROOT } from '../../installation.ts'

/** The command of the app in cdk.json. */
export const APP_COMMAND = 'node app.mjs'

export const APP = `import { App, Stack } from 'aws-cdk-lib'
import { Sluice } from 'sluice'

const app = new App()
// The first deployment is \`npx cdk deploy -c protect=false\`: if it fails, it can be rolled back and repeated. The others protect the data.
const protect = app.node.tryGetContext('protect') !== 'false'
// The operator's command line finds the deployment by the name of its stack: npx sluice keys list --target aws --stack sluice
const stack = new Stack(app, 'sluice', { terminationProtection: protect })
// \`npx cdk deploy -c config=FILE\` deploys another pipeline file.
new Sluice(stack, 'Sluice', { pipeline: app.node.tryGetContext('config') ?? 'pipeline.yaml', protect })
`

/** The .gitignore of an app. `.sluice` contains keys and prompts of the local system. */
export const GITIGNORE = 'node_modules/\ncdk.out/\n.sluice/\n'

export const cdkJsonText = (): string => `${JSON.stringify({ ...readCdkJson(), app: APP_COMMAND }, null, 2)}\n`

/** Returns the pipeline file that comes with Sluice. Its comments name the documents where npm installs them. */
export const pipelineText = (): string =>
  readFileSync(new URL('pipeline.yaml', ROOT), 'utf8').replaceAll(/(?<=[ =])docs\//g, 'node_modules/sluice/docs/')
