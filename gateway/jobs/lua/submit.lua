-- Takes a job in; or finds the one that the same idempotency key, or the same id, stands for.
-- ARGV: id, tenant, idempotency key ('' for none), window, most unfinished ones, then the fields.
-- Returns {id, 1 if it is new, digest of the body}; nil where the tenant has too many.
local id, tenant, idempotency = ARGV[1], ARGV[2], ARGV[3]
local mark = P .. 'once:' .. #tenant .. ':' .. tenant .. ':' .. idempotency -- a tenant's name may have colons
local found = (idempotency ~= '' and redis.call('GET', mark)) or id
if redis.call('EXISTS', key(found)) == 1 then
  return {found, 0, get(found, 'digest')}
end
if tonumber(redis.call('HGET', P .. 'unfinished', tenant) or '0') >= tonumber(ARGV[5]) then
  return nil
end
local time = now()
redis.call('HSET', key(id), 'id', id, 'tenant', tenant, 'status', 'queued', 'created', time, unpack(ARGV, 6))
local keep, expires = get(id, 'keep'), get(id, 'expires')
redis.call('HSET', key(id), 'deadline', time + expires)
if idempotency ~= '' then redis.call('SET', mark, id, 'PX', expires + keep) end
if get(id, 'batch') == '' then
  redis.call('ZREMRANGEBYSCORE', P .. 'of:' .. tenant, '-inf', time - 2 * (expires + keep))
  redis.call('ZADD', P .. 'of:' .. tenant, time, id)
  redis.call('ZADD', P .. 'all', time, id)
end
redis.call('HINCRBY', P .. 'unfinished', tenant, 1)
enter(id, tenant, ARGV[4])
changed(id)
return {id, 1, get(id, 'digest')}
