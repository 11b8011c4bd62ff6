/** Operators that check how a value is encoded, and those that look for card and identity numbers. */

import { compileRegex } from '@portcullis/regex'
import { RuleMistake } from '../errors.ts'
import { hexValue } from '../transform/decode.ts'
import { type Operator, simple } from './types.ts'

/** Matches a value that has a byte outside the ranges (`10,13,32-126`). */
export function validateByteRange(argument: string): Operator {
  const allowed = new Uint8Array(256)
  for (const part of argument.split(',').filter((p) => p.trim() !== '')) {
    const range = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part)
    const from = Number(range?.[1])
    const to = Number(range?.[2] ?? range?.[1])
    if (range === null || from > 255 || to > 255 || from > to)
      throw new RuleMistake(`"${part.trim()}" is not a byte range`)
    allowed.fill(1, from, to + 1)
  }
  return simple((value) => {
    for (let i = 0; i < value.length; i++) if (allowed[value.charCodeAt(i)] === 0) return true
    return false
  })
}

/** Matches a value with a `%` that two hexadecimal digits do not follow. */
export function validateUrlEncoding(): Operator {
  return simple((value) => {
    for (let i = value.indexOf('%'); i >= 0; i = value.indexOf('%', i + 3)) {
      if (i + 2 >= value.length) return true
      if (hexValue(value.charCodeAt(i + 1)) < 0 || hexValue(value.charCodeAt(i + 2)) < 0) return true
    }
    return false
  })
}

/** Is there a well-formed UTF-8 sequence at `i`? Its length, or 0. Overlong forms, surrogates and U+110000 up are not. */
function utf8Length(value: string, i: number): number {
  const first = value.charCodeAt(i)
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (i + size > value.length) return 0
  const second = value.charCodeAt(i + 1)
  if (first === 0xe0 && second < 0xa0) return 0
  if (first === 0xed && second > 0x9f) return 0
  if (first === 0xf0 && second < 0x90) return 0
  if (first === 0xf4 && second > 0x8f) return 0
  for (let k = 1; k < size; k++) if ((value.charCodeAt(i + k) & 0xc0) !== 0x80) return 0
  return size
}

/** Is the byte string well-formed UTF-8? */
export function isUtf8(value: string): boolean {
  for (let i = 0; i < value.length; ) {
    const size = utf8Length(value, i)
    if (size === 0) return false
    i += size
  }
  return true
}

/** Matches a value that is not well-formed UTF-8. */
export function validateUtf8Encoding(): Operator {
  return simple((value) => !isUtf8(value))
}

const digitsOf = (text: string): number[] => Array.from(text.replace(/\D/g, ''), Number)

/** Luhn's check sum. */
function luhn(text: string): boolean {
  const digits = digitsOf(text).reverse()
  let sum = 0
  for (const [i, d] of digits.entries()) sum += i % 2 === 0 ? d : d > 4 ? d * 2 - 9 : d * 2
  return digits.length > 0 && sum % 10 === 0
}

/** US social security number: 9 digits, no part that was never given out, not one digit repeated or counted up. */
function ssn(text: string): boolean {
  const d = digitsOf(text)
  if (d.length !== 9) return false
  const all = d.join('')
  const area = Number(all.slice(0, 3))
  if (area === 0 || area === 666 || area >= 740) return false
  if (all.slice(3, 5) === '00' || all.slice(5) === '0000') return false
  return !(/^(\d)\1*$/.test(all) || d.every((x, i) => i === 0 || x === d[i - 1]! + 1))
}

function weighted(digits: readonly number[], weights: readonly number[]): number {
  let sum = 0
  for (const [i, w] of weights.entries()) sum += digits[i]! * w
  return sum
}

/** Brazilian CPF with its two check digits. */
function cpf(text: string): boolean {
  const d = digitsOf(text)
  if (d.length !== 11 || d.every((x) => x === d[0])) return false
  const check = (count: number): number => {
    const rest =
      weighted(
        d,
        Array.from({ length: count }, (_, i) => count + 1 - i),
      ) % 11
    return rest < 2 ? 0 : 11 - rest
  }
  return check(9) === d[9] && check(10) === d[10]
}

/** Austrian social security number: the fourth digit checks the others. */
function svnr(text: string): boolean {
  const d = digitsOf(text)
  return d.length === 10 && weighted(d, [3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 === d[3]
}

/** Chilean RUT: modulo 11 with `K` for ten. */
function rut(text: string): boolean {
  const signs = text.toUpperCase().replace(/[^0-9K]/g, '')
  if (!/^\d{7,8}[0-9K]$/.test(signs)) return false
  let sum = 0
  for (let i = signs.length - 2, weight = 2; i >= 0; i--, weight = weight === 7 ? 2 : weight + 1) {
    sum += Number(signs[i]) * weight
  }
  const check = 11 - (sum % 11)
  return signs.endsWith(check === 11 ? '0' : check === 10 ? 'K' : String(check))
}

/** `@validateNid cl PATTERN` or `us PATTERN`, as in Coraza: a match that is a valid national identity number. */
export function validateNid(argument: string): Operator {
  const [, country, pattern] = /^(cl|us)\s+(.*)$/s.exec(argument) ?? []
  if (country === undefined) throw new RuleMistake('@validateNid needs "cl" or "us" and a pattern')
  return verified(country === 'cl' ? rut : ssn)(pattern!)
}

function verified(check: (text: string) => boolean): (pattern: string) => Operator {
  return (pattern) => {
    const regex = compileRegex(pattern)
    const find = (value: string): string | undefined =>
      regex
        .execAll(value, 100)
        .map((match) => match.captures[0] ?? '')
        .find(check)
    return {
      matches: (value) => find(value) !== undefined,
      captures: (value) => [find(value) ?? ''],
      prefilter: { kind: 'none' },
    }
  }
}

/** A match of the pattern that passes Luhn's check. */
export const verifyCC: (pattern: string) => Operator = verified(luhn)
/** A match of the pattern that can be a US social security number. */
export const verifySSN: (pattern: string) => Operator = verified(ssn)
/** A match of the pattern that is a valid Brazilian CPF. */
export const verifyCPF: (pattern: string) => Operator = verified(cpf)
/** A match of the pattern that is a valid Austrian social security number. */
export const verifySVNR: (pattern: string) => Operator = verified(svnr)
