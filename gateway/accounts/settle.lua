-- Ends a request of a key: gives back what it held, and charges what it used.
--
-- KEYS  as for admit.lua
-- ARGV  1 request id, 2 tokens and 3 cost that it came to, 4 seconds that the month's sums are kept,
--       5 whether this is tried again (1) and counts only if it was not done before
-- Gives the month's tokens and cost, before and after.
redis.set_repl(redis.REPL_NONE)

local SLOTS = 61
local account, leases, spent = KEYS[1], KEYS[2], KEYS[3]
local id, tokens, cost = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function add(field, amount)
  if amount ~= 0 then redis.call('HINCRBY', account, field, string.format('%.0f', amount)) end
end

redis.call('ZREM', leases, id)
local hold = redis.call('HGET', account, 'hold:' .. id)
if hold then
  local held, worth, since = string.match(hold, '(%d+) (%d+) (%d+)')
  add('held_tokens', -held)
  add('held_cost', -worth)
  redis.call('HDEL', account, 'hold:' .. id)
  -- The minute's sum is put right in the second that the reservation counts for, if that still counts.
  local second = tonumber(redis.call('HGET', account, 'second') or 0)
  if tonumber(since) > second - SLOTS then
    add('t' .. since % SLOTS, tokens - held)
    add('tokens', tokens - held)
  end
end

-- What was spent must not be lost.
redis.set_repl(redis.REPL_ALL)
local before = redis.call('HMGET', spent, 'tokens', 'cost')
local was = {tonumber(before[1] or 0), tonumber(before[2] or 0)}
if ARGV[5] == '1' and not hold then return {was[1], was[2], was[1], was[2]} end
local is = {was[1], was[2]}
if tokens > 0 then is[1] = redis.call('HINCRBY', spent, 'tokens', ARGV[2]) end
if cost > 0 then is[2] = redis.call('HINCRBY', spent, 'cost', ARGV[3]) end
if tokens > 0 or cost > 0 then redis.call('EXPIRE', spent, ARGV[4]) end
return {was[1], was[2], is[1], is[2]}
