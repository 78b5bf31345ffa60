-- A failed job begins anew. ARGV: id, window. Returns 1 if it was a failed one whose request is still there.
local id = ARGV[1]
if get(id, 'status') ~= 'failed' or not get(id, 'body') then return 0 end
local tenant, keep, expires = get(id, 'tenant'), get(id, 'keep'), get(id, 'expires')
for digest in string.gmatch(get(id, 'blobs'), '%x+') do
  local blob = P .. 'blob:' .. tenant .. ':' .. digest
  if redis.call('EXISTS', blob) == 0 then return 0 end
  redis.call('PEXPIRE', blob, keep + expires)
  redis.call('PEXPIRE', blob .. ':users', keep + expires)
end
redis.call('PERSIST', key(id))
redis.call('ZREM', P .. 'dead', id)
redis.call('ZREM', P .. 'hooks', id)
redis.call('HDEL', key(id), 'error', 'finished', 'attempts', 'losses', 'done', 'total', 'hook_tries')
redis.call('HSET', key(id), 'status', 'queued', 'deadline', now() + expires)
redis.call('HINCRBY', P .. 'unfinished', tenant, 1)
enter(id, tenant, ARGV[2])
changed(id)
return 1
