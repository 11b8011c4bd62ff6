/**
 * A gateway from a configuration file, in front of a small backend: what `npm start` runs.
 * The gateway alone is `npx portcullis run -c gateway.json`.
 */
import { fileURLToPath } from 'node:url'
import { run } from 'portcullis'
import { startBackend } from './backend.ts'
import { commandOf, tries } from './tries.ts'

const backend = await startBackend()
process.env.BACKEND = backend.url

const gateway = await run({ config: fileURLToPath(new URL('gateway.json', import.meta.url)) })

console.log('\nTry (the number is the status that you get):\n')
for (const one of tries) console.log(`# ${one.status} ${one.what}\n${commandOf(one, gateway.url)}\n`)
console.log('Ctrl-C stops it.')

await gateway.stopped
await backend.app.close()
