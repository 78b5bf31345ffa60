-- How a call of a webhook went. ARGV: id, outcome, pause in ms until the next one; 0 for none.
if redis.call('EXISTS', key(ARGV[1])) == 0 then
  redis.call('ZREM', P .. 'hooks', ARGV[1])
  return 0
end
redis.call('HSET', key(ARGV[1]), 'hook', ARGV[2])
if ARGV[3] == '0' then
  redis.call('ZREM', P .. 'hooks', ARGV[1])
else
  redis.call('ZADD', P .. 'hooks', now() + ARGV[3], ARGV[1])
end
changed(ARGV[1])
return 1
