-- Adds amounts to the sums of a day, once for each batch.
--
-- KEYS  1 the day's hash
-- ARGV  1 seconds that it is kept, 2 who adds, 3 the number of the batch: one that comes again, since its
--       answer was lost, changes nothing; then fields and amounts in turn
local day = KEYS[1]
if tonumber(redis.call('HGET', day, ARGV[2]) or 0) >= tonumber(ARGV[3]) then return end
redis.call('HSET', day, ARGV[2], ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HINCRBY', day, ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', day, ARGV[1])
