-- A worker has an entry of the queue, new or taken over, and begins the job behind it.
-- ARGV: id, entry, token, most losses, error of a lost job, error of an expired one.
-- Returns the job; nil where there is nothing to do for this entry.
local id, entry = ARGV[1], ARGV[2]
local status = get(id, 'status')
if get(id, 'entry') ~= entry or (status ~= 'queued' and status ~= 'running') then
  redis.call('XACK', QUEUE, GROUP, entry)
  redis.call('XDEL', QUEUE, entry)
  return nil
end
if status == 'running' and redis.call('HINCRBY', key(id), 'losses', 1) >= tonumber(ARGV[4]) then
  settle(id, 'failed', 'error', ARGV[5])
  return nil
end
if tonumber(get(id, 'deadline')) < now() then
  settle(id, 'failed', 'error', ARGV[6])
  return nil
end
redis.call('HSET', key(id), 'status', 'running', 'token', ARGV[3], 'started', now())
redis.call('HINCRBY', key(id), 'runs', 1)
changed(id)
return redis.call('HGETALL', key(id))
