import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import * as z from 'zod'
import { projectFolder } from './system.ts'

const folder = join(projectFolder, 'docs', 'recipes')

export const recipeFiles: readonly string[] = readdirSync(folder).filter(name => name.endsWith('.yaml'))

export const recipeFile = (name: string): string => join(folder, name)

export const recipeText = (name: string): string => readFileSync(recipeFile(name), 'utf8')

const Recipe = z.looseObject({ models: z.record(z.string(), z.unknown()) })

/** Makes one pipeline.yaml with the models of all recipes, so that one system runs all of them. `more` has further models. */
export function allRecipes(more: Record<string, unknown>): string {
  const recipes = recipeFiles.map(name => Recipe.parse(parse(recipeText(name))))
  const models = { ...more, ...Object.assign({}, ...recipes.map(recipe => recipe.models)) }
  const [first] = recipes
  return stringify({ ...first, models })
}
