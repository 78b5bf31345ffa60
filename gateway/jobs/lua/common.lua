-- Put ahead of every script: what several of them do.
local P = '{jobs}:'
local QUEUE, GROUP = P .. 'queue', 'workers'

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function key(id) return P .. 'job:' .. id end
local function get(id, field) return redis.call('HGET', key(id), field) end

-- Tells whoever listens that the job is another than before.
local function changed(id)
  redis.call('HINCRBY', key(id), 'version', 1)
  redis.call('PUBLISH', P .. 'changed', id)
end

local function push(id)
  redis.call('HSET', key(id), 'entry', redis.call('XADD', QUEUE, '*', 'id', id))
end

-- Takes the job's entry, if it has one, out of the queue.
local function pull(id)
  local entry = get(id, 'entry')
  if entry then
    redis.call('XACK', QUEUE, GROUP, entry)
    redis.call('XDEL', QUEUE, entry)
    redis.call('HDEL', key(id), 'entry')
  end
end

-- Lets the next job of the tenant into the window.
local function leave(id, tenant)
  if redis.call('SREM', P .. 'open:' .. tenant, id) == 0 then return end
  while true do
    local next = redis.call('LPOP', P .. 'waiting:' .. tenant)
    if not next then return end
    if get(next, 'status') == 'queued' then
      redis.call('SADD', P .. 'open:' .. tenant, next)
      push(next)
      return
    end
  end
end

local function enter(id, tenant, window)
  if redis.call('SCARD', P .. 'open:' .. tenant) < tonumber(window) then
    redis.call('SADD', P .. 'open:' .. tenant, id)
    push(id)
  else
    redis.call('RPUSH', P .. 'waiting:' .. tenant, id)
  end
end

-- A blob goes with the last job that used it.
local function drop(id, tenant, digests)
  for digest in string.gmatch(digests, '%x+') do
    local blob = P .. 'blob:' .. tenant .. ':' .. digest
    redis.call('SREM', blob .. ':users', id)
    if redis.call('SCARD', blob .. ':users') == 0 then redis.call('DEL', blob) end
  end
end

-- Forgets the request of a job that needs it no more.
local function forget(id, tenant)
  drop(id, tenant, get(id, 'blobs') or '')
  redis.call('HDEL', key(id), 'body', 'blobs')
end

-- Ends a job, whichever way. `outcome` is its result or its error.
local function settle(id, status, field, outcome)
  local tenant, batch = get(id, 'tenant'), get(id, 'batch')
  redis.call('HSET', key(id), 'status', status, 'finished', now(), field, outcome)
  redis.call('HDEL', key(id), 'token')
  pull(id)
  redis.call('ZREM', P .. 'delayed', id)
  leave(id, tenant)
  redis.call('HINCRBY', P .. 'unfinished', tenant, -1)
  redis.call('HINCRBY', P .. 'finished', status, 1)
  if status == 'failed' and batch == '' then
    redis.call('ZADD', P .. 'dead', now(), id)
  else
    forget(id, tenant)
  end
  if get(id, 'webhook') ~= '' then redis.call('ZADD', P .. 'hooks', now(), id) end
  if batch ~= '' and redis.call('EXISTS', P .. 'batch:' .. batch) == 1 then
    redis.call('HINCRBY', P .. 'batch:' .. batch, status, 1)
    redis.call('PUBLISH', P .. 'changed', batch)
  end
  redis.call('PEXPIRE', key(id), get(id, 'keep'))
  changed(id)
end
