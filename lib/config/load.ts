import { readFileSync } from 'node:fs'
import { warnOfBroker } from './broker-checks.ts'
import { crossCheck } from './checks.ts'
import { ConfigError, type Finding, type Path, type Problem } from './finding.ts'
import type { Environment } from './interpolate.ts'
import { withProviders } from './providers/apply.ts'
import { Pipeline } from './schema.ts'
import { mistypedPaths, toFindings } from './schema-findings.ts'
import { findSecrets } from './secrets.ts'
import { readSource, type SourceDocument } from './source-document.ts'

export { ConfigError }

/**
 * Reads and checks a pipeline file. It replaces variables from `env`, converts durations to milliseconds, fills in defaults and
 * computes the number of shards of each plan.
 * @throws ConfigError with all mistakes, in the order of the file
 */
export function loadPipeline(file: string, env: Environment): Pipeline {
  return checkPipeline(file, env).pipeline
}

/** A pipeline without mistakes, and warnings about values that its author probably did not mean. */
export interface Checked {
  readonly pipeline: Pipeline
  readonly warnings: readonly Problem[]
}

/** Does the same as `loadPipeline`, and returns the warnings too. */
export function checkPipeline(file: string, env: Environment): Checked {
  return parseChecked(readText(file), env, file)
}

/** Writes a warning as one line: `pipeline.yaml:12:7: warning: <sentence>`. */
export const warningLine = ({ file, line, column, message }: Problem): string =>
  `${file}:${line}:${column}: warning: ${message}`

/** Does the same as `loadPipeline` for a text. Its errors call the text `file`. */
export function parsePipeline(text: string, env: Environment, file: string): Pipeline {
  return parseChecked(text, env, file).pipeline
}

/** Does the same as `checkPipeline` for a text. */
export function parseChecked(text: string, env: Environment, file: string): Checked {
  const source = readSource(text, env)
  if (source.problems.length > 0) throw new ConfigError(source.problems.map(problem => ({ file, ...problem })))

  const checked = checkShape(source)
  const findings = 'findings' in checked ? checked.findings : crossCheck(checked.pipeline, source)
  if ('findings' in checked || findings.length > 0) throw new ConfigError(toProblems(findings, source, file))
  const warnings = [...findSecrets(checked.pipeline, source), ...warnOfBroker(checked.pipeline)]
  return { pipeline: checked.pipeline, warnings: toProblems(warnings, source, file) }
}

function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    throw new ConfigError([{ file, line: 1, column: 1, message: unreadable(error) }])
  }
}

function unreadable(error: unknown): string {
  switch (error instanceof Error && 'code' in error && error.code) {
    case 'ENOENT':
      return 'there is no such file; name a pipeline file'
    case 'EISDIR':
      return 'this is a folder; name a pipeline file'
    case 'EACCES':
      return 'the file may not be read; check its permissions'
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'the file is not UTF-8 text'
    default:
      return `the file can't be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

function checkShape(source: SourceDocument): { pipeline: Pipeline } | { findings: Finding[] } {
  const data = withProviders(source.toData())
  const result = Pipeline.safeParse(data)
  if (result.success) return { pipeline: result.data }
  // The value of a variable is a text at first. If the schema needs a number or a boolean there, the value is converted
  // and checked again.
  const retyped = mistypedPaths(result.error.issues, data).filter(source.retype)
  if (retyped.length > 0) return checkShape(source)
  return { findings: toFindings(result.error.issues, { data, writtenAs: source.writtenAs }) }
}

function toProblems(findings: readonly Finding[], source: SourceDocument, file: string): Problem[] {
  return findings
    .map(({ path, subject, message, ...place }) => ({
      file,
      ...source.position(path, place),
      message: `${nameOf(subject ?? path)} ${message}`,
    }))
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
}

/** Writes a path as `models.text.endpoint` or `routing[0].model`. */
function nameOf(path: Path): string {
  const name = path.map(part => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return name === '' ? 'the pipeline' : name.slice(1)
}
