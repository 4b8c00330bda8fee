import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Environment } from '../config/interpolate.ts'

/** The folder of a project contains a file or folder with one of these names. */
const MARKS = ['pipeline.yaml', '.sluice']

/** The folder and the environment of a command. */
export interface Place {
  readonly env: Environment
  /** The folder in which the command runs. */
  readonly cwd?: string | undefined
}

/**
 * Returns the nearest folder with a pipeline.yaml or a data folder: `cwd` itself, or a folder above `cwd`. Returns `cwd`
 * if there is no such folder.
 */
export function projectFolder(cwd: string): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (MARKS.some(mark => existsSync(join(folder, mark)))) return folder
    if (dirname(folder) === folder) return cwd
  }
}

/** Returns the path of a file of the project, relative to the folder in which the command runs. */
const ofProject = ({ cwd = process.cwd() }: Place, name: string): string =>
  relative(cwd, join(projectFolder(cwd), name)) || name

/** Returns the path of the pipeline file, for a command whose arguments do not name a file. */
export const pipelineFile = (place: Place): string => place.env.SLUICE_CONFIG || ofProject(place, 'pipeline.yaml')

/** Returns the data folder of the local system. */
export const dataFolder = (place: Place): string => place.env.SLUICE_DATA || ofProject(place, '.sluice')
