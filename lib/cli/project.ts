import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Environment } from '../config/interpolate.ts'

/** The names by which the folder of a project is recognized. It has at least one of them. */
const MARKS = ['pipeline.yaml', '.sluice']

/** The folder and the environment of a command. */
export interface Place {
  readonly env: Environment
  /** The folder in which the command runs. */
  readonly cwd?: string | undefined
}

/**
 * Returns the nearest folder with a pipeline.yaml or a data folder: this one, or one above it. Returns this folder if
 * there is none.
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

/** Returns the pipeline file of a command that names none. */
export const pipelineFile = (place: Place): string => place.env.SLUICE_CONFIG || ofProject(place, 'pipeline.yaml')

/** Returns the data folder of the local system. */
export const dataFolder = (place: Place): string => place.env.SLUICE_DATA || ofProject(place, '.sluice')
