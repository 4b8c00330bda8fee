import { type Command, InvalidArgumentError, Option } from 'commander'

const DEFAULT_SECONDS = 2

/** Adds the option with which a list is printed again and again. */
export const watchable = (command: Command): Command =>
  command.addOption(
    new Option(
      '--watch [seconds]',
      `print the list again every ${DEFAULT_SECONDS} seconds (or every [seconds]), until Ctrl-C`,
    )
      .argParser(seconds)
      .preset(String(DEFAULT_SECONDS)),
  )

function seconds(text: string): number {
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number of seconds from 1 to 9999.')
}
