-- The next webhook that is due, put off until it is surely done or lost. ARGV: pause in ms.
local id = redis.call('ZRANGEBYSCORE', P .. 'hooks', '-inf', now(), 'LIMIT', 0, 1)[1]
if not id then return nil end
if not get(id, 'webhook') then
  redis.call('ZREM', P .. 'hooks', id)
  return nil
end
redis.call('ZADD', P .. 'hooks', now() + ARGV[1], id)
redis.call('HINCRBY', key(id), 'hook_tries', 1)
return redis.call('HGETALL', key(id))
