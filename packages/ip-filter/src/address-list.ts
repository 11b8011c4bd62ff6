import { type Address, IpSet, ReloadingFile } from '@portcullis/core'
import { readEntries } from './entries.ts'

/** Largest list file: about two million entries. */
export const MAX_FILE_BYTES: number = 32 * 1024 * 1024

/** Where the entries of a list come from. */
export interface AddressListSource {
  /** Entries of the configuration. */
  entries: readonly string[]
  /** Absolute path of a file of further entries. */
  file?: string
  /** Told once per broken version of the file; the entries before it stay in force. */
  onError?: (error: Error) => void
  /** Milliseconds between two looks at the file. Default 1000. */
  interval?: number
}

/** An allow or a deny list: fixed entries, and those of a file that is read again when it changes. */
export class AddressList {
  readonly #fixed: IpSet
  readonly #file: ReloadingFile<IpSet> | undefined

  /** @throws RangeError for an entry that is no address, and when the file cannot be read. */
  constructor(source: AddressListSource) {
    this.#fixed = new IpSet(source.entries)
    this.#file =
      source.file === undefined
        ? undefined
        : new ReloadingFile(source.file, (text) => new IpSet(readEntries(text)), {
            maxBytes: MAX_FILE_BYTES,
            ...(source.onError === undefined ? undefined : { onError: source.onError }),
            ...(source.interval === undefined ? undefined : { interval: source.interval }),
          })
  }

  /** Is this address in the list? */
  has(address: Address): boolean {
    return this.#fixed.hasParsed(address) || (this.#file?.value.hasParsed(address) ?? false)
  }

  /** Changes with every new content of the file; undefined without a file. */
  get version(): object | undefined {
    return this.#file?.value
  }

  /** Reads the file now, if it has changed. */
  reload(): void {
    this.#file?.reload()
  }
}
