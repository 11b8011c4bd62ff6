/** Operators that compare text or numbers. */

import { cheap, type Operator, simple } from './types.ts'

/** A number as C's `atoi` reads it: leading digits, 0 when there are none. */
export function toInteger(text: string): number {
  const n = Number.parseInt(text, 10)
  return Number.isNaN(n) ? 0 : n
}

/** Equal bytes. */
export function streq(argument: string): Operator {
  return cheap((value) => value === argument)
}

/** The argument stands in the value; upper and lower case differ. */
export function contains(argument: string): Operator {
  if (argument === '') return simple(() => true)
  return {
    matches: (value) => value.includes(argument),
    captures: () => [argument],
    prefilter: { kind: 'literals', literals: [argument.toLowerCase()] },
  }
}

/** As `contains`, with no letter, digit or underscore next to it. */
export function containsWord(argument: string): Operator {
  if (argument === '') return simple(() => true)
  const word = /[A-Za-z0-9_]/
  return simple((value) => {
    for (let i = value.indexOf(argument); i >= 0; i = value.indexOf(argument, i + 1)) {
      const before = i > 0 && word.test(value[i - 1]!)
      const after = i + argument.length < value.length && word.test(value[i + argument.length]!)
      if (!before && !after) return true
    }
    return false
  })
}

/** The value stands in the argument; the empty value does not. */
export function within(argument: string): Operator {
  return cheap((value) => argument.includes(value))
}

/** The value starts with the argument. */
export function beginsWith(argument: string): Operator {
  return { ...cheap((value) => value.startsWith(argument)), captures: () => [argument] }
}

/** The value ends with the argument. */
export function endsWith(argument: string): Operator {
  return { ...cheap((value) => value.endsWith(argument)), captures: () => [argument] }
}

/** Compares two integers. */
export function numeric(compare: (value: number, argument: number) => boolean): (argument: string) => Operator {
  return (argument) => {
    const right = toInteger(argument)
    return cheap((value) => compare(toInteger(value), right))
  }
}
