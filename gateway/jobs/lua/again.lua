-- Puts a job back. ARGV: id, token, pause in ms, 1 if the try counts as failed, most of those, error.
-- Returns 1 if it counted.
local id = ARGV[1]
if get(id, 'token') ~= ARGV[2] then return 0 end
if ARGV[4] == '1' and redis.call('HINCRBY', key(id), 'attempts', 1) >= tonumber(ARGV[5]) then
  settle(id, 'failed', 'error', ARGV[6])
  return 1
end
redis.call('HSET', key(id), 'status', 'queued', 'last_error', ARGV[6])
redis.call('HDEL', key(id), 'token', 'done', 'total')
pull(id)
if tonumber(ARGV[3]) > 0 then
  redis.call('ZADD', P .. 'delayed', now() + ARGV[3], id)
else
  push(id)
end
changed(id)
return 1
