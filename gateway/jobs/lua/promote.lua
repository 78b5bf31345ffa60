-- Puts into the queue whose pause is over, and clears up behind processes that are gone.
-- ARGV: age in ms from which jobs are surely expired.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'delayed', '-inf', now(), 'LIMIT', 0, 100)) do
  redis.call('ZREM', P .. 'delayed', id)
  if get(id, 'status') == 'queued' then push(id) end
end
for _, set in ipairs({'all', 'dead'}) do
  redis.call('ZREMRANGEBYSCORE', P .. set, '-inf', now() - ARGV[1])
end
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', QUEUE, GROUP)) do
  -- {'name', NAME, 'pending', N, 'idle', MS, …}
  if consumer[4] == 0 and consumer[6] > 3600000 then
    redis.call('XGROUP', 'DELCONSUMER', QUEUE, GROUP, consumer[2])
  end
end
