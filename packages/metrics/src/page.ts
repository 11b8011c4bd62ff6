import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The page, and the policy that lets nothing but itself run in it. */
export interface Page {
  html: string
  policy: string
}

/** In the order in which they need each other. */
const SCRIPTS = ['format.js', 'charts.js', 'panels.js', 'plan.js', 'main.js']

/**
 * Puts the page together from its parts: one HTML text that loads nothing. The scripts are modules of their own for
 * whoever reads or tests them; here they become one.
 */
export function makePage(): Page {
  const style = asset('style.css')
  const script = SCRIPTS.map((name) =>
    asset(name)
      .replace(/^import[^;]*? from '[^']+'$/gm, '')
      .replace(/^export /gm, ''),
  ).join('\n')
  const html = asset('page.html')
    .replace('/* style */', () => style)
    .replace('/* script */', () => script)
  const policy = [
    "default-src 'none'",
    `script-src '${hash(script)}'`,
    `style-src '${hash(style)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return { html, policy }
}

function asset(name: string): string {
  return readFileSync(new URL(`../assets/${name}`, import.meta.url), 'utf8')
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
