-- Adds what requests of a key came to, to what it has spent this month. This must not be lost.
--
-- KEYS  1 the key's account, 2 what it has spent this month
-- ARGV  1 tokens, 2 cost, 3 tokens and 4 cost of these that are held until now, 5 seconds that the
--       month's sums are kept, 6 who charges, and 7 the number of its charge: one that comes again,
--       since its answer was lost, changes nothing
-- Gives the month's tokens and cost before, and after.
local account, spent = KEYS[1], KEYS[2]
local sums = redis.call('HMGET', spent, 'tokens', 'cost', ARGV[6])
local tokens, cost = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
if sums[3] and tonumber(sums[3]) >= tonumber(ARGV[7]) then return {tokens, cost, tokens, cost} end
redis.call('HSET', spent, ARGV[6], ARGV[7])
local after = {redis.call('HINCRBY', spent, 'tokens', ARGV[1]), redis.call('HINCRBY', spent, 'cost', ARGV[2])}
redis.call('EXPIRE', spent, ARGV[5])
redis.set_repl(redis.REPL_NONE)
if redis.call('EXISTS', account) == 1 then
  if ARGV[3] ~= '0' then redis.call('HINCRBY', account, 'held_tokens', '-' .. ARGV[3]) end
  if ARGV[4] ~= '0' then redis.call('HINCRBY', account, 'held_cost', '-' .. ARGV[4]) end
end
return {tokens, cost, after[1], after[2]}
