import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import type { Answer } from '../answer.ts'
import { Refusal } from '../refusal.ts'
import { checkoutArchive, mergePackageJson, packagesFor } from './package-json.ts'
import { APP, APP_COMMAND, cdkJsonText, GITIGNORE, pipelineText } from './texts.ts'

/** The change of a file. */
type Change = 'written' | 'merged' | 'kept'

const App = z.looseObject({ app: z.unknown() })

/**
 * Runs `sluice init [FOLDER]`: makes a CDK app that deploys Sluice. Its files are pipeline.yaml, cdk.json, app.mjs,
 * package.json and .gitignore. A file that exists already is kept. Only to package.json, the missing parts are added. As
 * JSON: `{ folder, files: { "pipeline.yaml": "written" | "merged" | "kept", … } }`.
 */
export function init(name: string): Answer {
  const folder = resolve(name)
  // All checks come before the first file is written, so that a refused command leaves no half-made app.
  if (existsSync(folder) && !statSync(folder).isDirectory()) throw new Refusal(`${name} is a file: name a folder`)
  const packageJson = join(folder, 'package.json')
  const before = existsSync(packageJson) ? readFileSync(packageJson, 'utf8') : undefined
  const after = mergePackageJson(before, packageJson, packagesFor(folder))

  mkdirSync(folder, { recursive: true })
  const add = (file: string, text: () => string): Change => addFile(join(folder, file), text)
  const files: Record<string, Change> = { 'pipeline.yaml': add('pipeline.yaml', pipelineText) }
  files['cdk.json'] = add('cdk.json', cdkJsonText)
  const isOurApp = appOf(join(folder, 'cdk.json')) === APP_COMMAND
  if (isOurApp) files['app.mjs'] = add('app.mjs', () => APP)
  files['.gitignore'] = add('.gitignore', () => GITIGNORE)
  if (after !== before) writeFileSync(packageJson, after)
  files['package.json'] = before === undefined ? 'written' : after === before ? 'kept' : 'merged'
  return { json: { folder, files }, lines: [...linesOf(files), ...(isOurApp ? [] : [OWN_APP]), ...nextSteps(name)] }
}

const OWN_APP =
  "cdk.json names an app of yours: add new Sluice(stack, 'Sluice', { pipeline: 'pipeline.yaml' }) to one of its stacks"

function addFile(path: string, text: () => string): Change {
  if (existsSync(path)) return 'kept'
  writeFileSync(path, text())
  return 'written'
}

/**
 * Returns the command of the app in a cdk.json. Returns undefined if the file can't be read. The file may be the user's
 * own, so this is not an error.
 */
function appOf(file: string): unknown {
  try {
    return App.parse(JSON.parse(readFileSync(file, 'utf8'))).app
  } catch {
    return undefined
  }
}

const linesOf = (files: Readonly<Record<string, Change>>): string[] =>
  Object.entries(files).map(([file, change]) => `${change.padEnd(8)} ${file}`)

function nextSteps(name: string): string[] {
  const archive = checkoutArchive()
  return [
    '',
    'Next:',
    ...(archive !== undefined && !existsSync(archive)
      ? ['  npm pack                            # here: makes the package that the app uses']
      : []),
    ...(resolve(name) === resolve('.') ? [] : [`  cd ${name}`]),
    '  npm install',
    '  npx sluice start                    # the whole system on this machine',
    '  npx cdk deploy -c protect=false     # the same in your AWS account; later without -c protect=false',
  ]
}
