import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lineSplitter, openLogFile } from '../../lib/local/lambda/log-file.ts'
import { isMetric, troubleIn } from '../../lib/local/lambda/log-line.ts'
import { temporaryFolder } from './fixtures/template.ts'

const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1)

describe('openLogFile', () => {
  it('appends lines to the file, also if an earlier start has made the file', () => {
    const file = join(temporaryFolder(), 'x.log')
    for (const line of ['one', 'two']) {
      const log = openLogFile(file)
      log.append(line)
      log.close()
    }

    expect(linesOf(file)).toEqual(['one', 'two'])
  })

  it('renames a full file and begins a new one, and keeps only one renamed file', () => {
    const file = join(temporaryFolder(), 'x.log')
    const log = openLogFile(file, 10)
    for (const line of ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee']) log.append(line)
    log.close()

    expect(linesOf(file)).toEqual(['eeee'])
    expect(linesOf(`${file}.1`)).toEqual(['cccc', 'dddd'])
  })

  it('a log file can still be written to if its folder is deleted', () => {
    const folder = join(temporaryFolder(), 'logs')
    mkdirSync(folder)
    const file = join(folder, 'x.log')
    const log = openLogFile(file, 10)
    log.append('aaaaaaaa')
    rmSync(folder, { recursive: true })
    for (const line of ['bbbbbbbb', 'cccccccc']) log.append(line)
    log.close()

    expect(linesOf(file)).toEqual(['cccccccc'])
  })

  it('a line that is larger than the size limit of a log file is written as a whole', () => {
    const file = join(temporaryFolder(), 'x.log')
    const log = openLogFile(file, 10)
    log.append('x'.repeat(20))
    log.close()

    expect(linesOf(file)).toEqual(['x'.repeat(20)])
  })

  it('a line that is written after the log file was closed is ignored', () => {
    const file = join(temporaryFolder(), 'x.log')
    const log = openLogFile(file)
    log.close()
    log.append('late')
    log.close()

    expect(linesOf(file)).toEqual([])
  })
})

describe('lineSplitter', () => {
  it('gives whole lines, at whatever position the text is split into pieces', () => {
    const lines: string[] = []
    const write = lineSplitter(line => lines.push(line))
    for (const chunk of ['on', 'e\ntw', 'o\n', '\nthree\nfo']) write(chunk)

    expect(lines).toEqual(['one', 'two', '', 'three'])
  })
})

describe('troubleIn', () => {
  it('reads level, message and cause from a log line of level WARN or ERROR, and ignores all other fields', () => {
    const error = { name: 'Unavailable', message: 'the ledger is unavailable', stack: 'secret' }

    expect(troubleIn(JSON.stringify({ level: 'ERROR', message: 'it failed', prompt: 'secret', error }))).toEqual({
      level: 'ERROR',
      message: 'it failed',
      cause: 'the ledger is unavailable',
    })
    expect(troubleIn(JSON.stringify({ level: 'WARN', message: 'it is strange', error: 'text' }))).toEqual({
      level: 'WARN',
      message: 'it is strange',
      cause: undefined,
    })
  })

  it.each(['lasts', 'ends'] as const)(
    'troubleIn reads the topic of a trouble whose end has a log line of its own, such as an open circuit, and that the trouble %s',
    state => {
      const line = JSON.stringify({ level: 'WARN', message: 'the circuit', trouble: state, trouble_of: 'circuit' })

      expect(troubleIn(line)).toMatchObject({ level: 'WARN', state, topic: 'circuit' })
    },
  )

  it.each(['plain ERROR text', '{"level":"INFO","message":"an \\"ERROR\\" is quoted"}', '{"level":"ERROR",', '[]', ''])(
    'troubleIn finds no trouble in the line %j',
    line => {
      expect(troubleIn(line)).toBeUndefined()
    },
  )
})

it('isMetric distinguishes a metric from a log line', () => {
  expect(isMetric('{"_aws":{"Timestamp":1}}')).toBe(true)
  expect(isMetric('{"level":"INFO","message":"_aws"}')).toBe(false)
})
