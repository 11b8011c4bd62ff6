import { parseAddress } from '@portcullis/core'
import type { AddressList } from './address-list.ts'

/** May this address come in? Deny wins; with an allow list, what is not on it may not. */
export class IpFilter {
  readonly #allow: AddressList | undefined
  readonly #deny: AddressList | undefined

  constructor(lists: { allow?: AddressList; deny?: AddressList }) {
    this.#allow = lists.allow
    this.#deny = lists.deny
  }

  /**
   * @param address the client's address as text; undefined on a Unix socket. What cannot be read as an address is
   * refused: a list that cannot be applied must not let anyone in.
   */
  allows(address: string | undefined): boolean {
    const parsed = address === undefined ? undefined : parseAddress(address)
    if (parsed === undefined) return false
    if (this.#deny?.has(parsed) === true) return false
    return this.#allow === undefined || this.#allow.has(parsed)
  }

  /** Are verdicts given under these versions of the files still right? */
  get versions(): readonly [allow: object | undefined, deny: object | undefined] {
    return [this.#allow?.version, this.#deny?.version]
  }

  reload(): void {
    this.#allow?.reload()
    this.#deny?.reload()
  }
}
