-- Ends a request of a key: gives back its place, and of what it held all that it did not use.
-- The rest stays held until it is charged; see charge.lua.
--
-- KEYS  1 the key's account, 2 its running requests
-- ARGV  1 request id, 2 tokens and 3 cost that it came to
-- Gives 1 where it held something, else 0.
redis.set_repl(redis.REPL_NONE)

local SLOTS = 61
local account, leases = KEYS[1], KEYS[2]
local id, tokens, cost = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function add(field, amount)
  if amount ~= 0 then redis.call('HINCRBY', account, field, string.format('%.0f', amount)) end
end

redis.call('ZREM', leases, id)
local hold = redis.call('HGET', account, 'hold:' .. id)
if not hold then return 0 end
local held, worth, since = string.match(hold, '(%d+) (%d+) (%d+)')
redis.call('HDEL', account, 'hold:' .. id)
add('held_tokens', tokens - held)
add('held_cost', cost - worth)
-- The minute's sum is put right in the second that the reservation counts for, if that still counts.
local second = tonumber(redis.call('HGET', account, 'second') or 0)
if tonumber(since) > second - SLOTS then
  add('t' .. since % SLOTS, tokens - held)
  add('tokens', tokens - held)
end
return 1
