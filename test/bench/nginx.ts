/** nginx with and without libmodsecurity, as Debian packages them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const NGINX = '/usr/sbin/nginx'
const MODULE = '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so'
/** Clock ticks per second in /proc; Linux has had 100 for decades. */
const TICKS = 100

/** A running nginx. */
export interface Nginx {
  port: number
  /** CPU microseconds of its worker so far. */
  cpu: () => number
  stop: () => void
}

/** Are nginx and its ModSecurity module installed? */
export function hasNginx(): boolean {
  return existsSync(NGINX) && existsSync(MODULE)
}

/**
 * Starts nginx with one worker in front of an upstream.
 *
 * @param crs folder of a Core Rule Set to run in libmodsecurity; without it no module is loaded.
 */
export async function startNginx(upstream: string, crs?: string): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'))
  const port = await freePort()
  if (crs !== undefined) writeFileSync(join(folder, 'modsecurity.conf'), modsecurity(crs))
  writeFileSync(join(folder, 'nginx.conf'), nginxConf(folder, port, upstream, crs !== undefined))
  const child = spawn(NGINX, ['-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors += String(chunk)
  })
  await answering(port, child, () => errors)
  const worker = workerOf(child.pid!)
  return {
    port,
    cpu: () => cpuOf(worker),
    stop: () => {
      child.kill('SIGTERM')
      child.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    },
  }
}

/** What ModSecurity's recommended file says of bodies; nothing is logged. */
function modsecurity(crs: string): string {
  const isDebian = existsSync(join(crs, 'owasp-crs.load'))
  const setup = isDebian
    ? '/etc/modsecurity/crs/crs-setup.conf'
    : [join(crs, 'crs-setup.conf'), join(crs, 'crs-setup.conf.example')].find(existsSync)!
  return `
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecResponseBodyAccess Off
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\\+|/)|text/)xml" "id:'200000',phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:'200001',phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:'200002',phase:2,t:none,log,deny,status:400"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:'200003',phase:2,t:none,log,deny,status:400"
Include ${setup}
Include ${join(crs, 'rules')}/*.conf
`
}

function nginxConf(folder: string, port: number, upstream: string, withModule: boolean): string {
  return `
${withModule ? `load_module ${MODULE};` : ''}
daemon off;
user root;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream backend { server ${upstream.replace('http://', '')}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      ${withModule ? `modsecurity on; modsecurity_rules_file ${folder}/modsecurity.conf;` : ''}
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

async function answering(port: number, child: ChildProcess, errors: () => string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error(`nginx did not start: ${errors()}`)
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('nginx does not answer')
}

/** The one child of the master. */
function workerOf(master: number): number {
  for (const entry of readdirSync('/proc')) {
    if (/^[0-9]+$/.test(entry) && statOf(entry)[1] === String(master)) return Number(entry)
  }
  throw new Error('nginx has no worker')
}

/** Fields of /proc/PID/stat behind the name: state, parent, … */
function statOf(pid: number | string): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

function cpuOf(pid: number): number {
  const fields = statOf(pid)
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS
}
