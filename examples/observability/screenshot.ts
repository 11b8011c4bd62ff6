import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

/** Debian's Chromium, or another. */
export const CHROMIUM: string = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** Keeps a picture of the live page; false where there is no browser. */
export async function screenshot(page: string, file: string): Promise<boolean> {
  if (!existsSync(CHROMIUM)) return false
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  try {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await tab.goto(page)
    await tab.getByRole('status').filter({ hasText: 'live' }).waitFor()
    await tab.screenshot({ path: file, fullPage: true })
    return true
  } finally {
    await browser.close()
  }
}
