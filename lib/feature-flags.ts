import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { ROOT } from './installation.ts'

const CdkJson = z.looseObject({ context: z.record(z.string(), z.unknown()) })

/** Reads cdk.json, which has the settings of the CDK's command line and the feature flags. */
export const readCdkJson = (): z.infer<typeof CdkJson> =>
  CdkJson.parse(JSON.parse(readFileSync(new URL('cdk.json', ROOT), 'utf8')))

/**
 * Returns the CDK's feature flags with which Sluice is tested. The template that the CDK makes from the same constructs
 * depends on these flags, so every deployment must use them. With other flags, CloudFormation could replace a table with
 * an empty one.
 */
export const readFeatureFlags = (): Readonly<Record<string, unknown>> => readCdkJson().context
