import { createHash } from 'node:crypto'

/** A Lua script and the digest by which a server that has seen it knows it. */
export interface Script {
  lua: string
  sha: string
}

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/**
 * Counts one request against every rule in one step, on the server's clock.
 *
 * KEYS: one a rule. ARGV: `1` to look without counting, then three a rule: `w`, limit, window in ms; or `b`, capacity,
 * ms a token. Reply: three numbers a rule: allowed, remaining, ms until there is more.
 *
 * It heals what it finds: a counter without an expiry (a crash, a manual SET, PERSIST) gets one, one whose expiry lies
 * further away than its window (the clock was set back) is cut, and a value that is no counter is replaced. Other
 * errors (out of memory, read-only, no permission) are the caller's.
 */
export const TAKE: Script = script(`
local peek = ARGV[1] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local out, all, tokens = {}, true, {}

local function foreign(reply)
  return type(reply) == 'table' and reply.err and (string.find(reply.err, 'WRONGTYPE') or string.find(reply.err, 'not an integer'))
end
local function failed(reply) return type(reply) == 'table' and reply.err end

for i = 1, #KEYS do
  local key, kind = KEYS[i], ARGV[3 * i - 1]
  local a, b = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  if kind == 'w' then
    local count
    if peek then
      count = redis.pcall('GET', key)
      if failed(count) and not foreign(count) then return count end
      count = type(count) == 'string' and tonumber(count) or 0
    else
      count = redis.pcall('INCR', key)
      if foreign(count) then
        redis.call('DEL', key)
        count = redis.pcall('INCR', key)
      end
      if failed(count) then return count end
    end
    local left = redis.call('PTTL', key)
    if left < 0 or left > b then
      left = b
      if not peek then redis.call('PEXPIRE', key, b) end
    end
    local ok = count <= a
    if peek then ok = count < a end
    all = all and ok
    out[3 * i - 2], out[3 * i - 1], out[3 * i] = ok and 1 or 0, math.max(0, a - count), left
  else
    local state = redis.pcall('GET', key)
    if failed(state) and not foreign(state) then return state end
    local have = a
    if type(state) == 'string' then
      local at, held = string.match(state, '^(%d+) ([%d.e+-]+)$')
      at, held = tonumber(at), tonumber(held)
      if at and held and at <= now then have = math.min(a, held + (now - at) / (b * 1000))
      elseif at and held then have = math.min(a, held) end
    elseif failed(state) then
      if not peek then redis.call('DEL', key) end
    end
    tokens[i] = have
    all = all and have >= 0.999999
  end
end

for i = 1, #KEYS do
  if tokens[i] then
    local a, b = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
    local have = tokens[i]
    local ok = have >= 0.999999
    if all and not peek then
      have = math.max(0, have - 1)
      local value = string.format('%.0f %.17g', now, have)
      local set = redis.pcall('SET', KEYS[i], value, 'PX', math.ceil((a - have) * b) + 1)
      if failed(set) then return set end
    end
    local left = math.floor(have + 0.000001)
    local wait = 0
    if left < 1 then wait = math.ceil((1 - have) * b) end
    out[3 * i - 2], out[3 * i - 1], out[3 * i] = ok and 1 or 0, left, wait
  end
end
return out
`)

/** Adds ARGV[1] to the counter KEYS[1], which lives ARGV[2] ms from its first addition; heals one without an expiry. */
export const INCREMENT: Script = script(`
local count = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(count) == 'table' and count.err and (string.find(count.err, 'WRONGTYPE') or string.find(count.err, 'not an integer')) then
  redis.call('DEL', KEYS[1])
  count = redis.pcall('INCRBY', KEYS[1], ARGV[1])
end
if type(count) == 'table' and count.err then return count end
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return count
`)
