-- Ends a request of a key: gives back its place, and of what it held all that it did not use.
-- The rest stays held until it is charged; see charge.lua.
--
-- KEYS  1 the key's account, 2 its running requests, then the same of its tenant where that has a quota
-- ARGV  1 request id, 2 tokens and 3 cost that it came to
-- Gives 1 where the key held something for it, and 2 more where the tenant did.
redis.set_repl(redis.REPL_NONE)

local SLOTS = 61
local id, tokens, cost = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function add(name, field, amount)
  if amount ~= 0 then redis.call('HINCRBY', name, field, string.format('%.0f', amount)) end
end

-- What was held, and since when; nothing where it has lapsed.
local function let_go(account, leases)
  redis.call('ZREM', leases, id)
  local hold = redis.call('HGET', account, 'hold:' .. id)
  if not hold then return end
  local held, worth, since = string.match(hold, '(%d+) (%d+) (%d+)')
  redis.call('HDEL', account, 'hold:' .. id)
  redis.call('HSET', account, 'released', redis.call('TIME')[1])
  add(account, 'held_tokens', tokens - held)
  add(account, 'held_cost', cost - worth)
  return held, since
end

local found = 0
local held, since = let_go(KEYS[1], KEYS[2])
if held then
  found = 1
  -- The minute's sum is put right in the second that the reservation counts for, if that still counts.
  local second = tonumber(redis.call('HGET', KEYS[1], 'second') or 0)
  if tonumber(since) > second - SLOTS and tonumber(since) <= second then
    add(KEYS[1], 't' .. since % SLOTS, tokens - held)
    add(KEYS[1], 'tokens', tokens - held)
  end
end
if KEYS[3] and let_go(KEYS[3], KEYS[4]) then found = found + 2 end
return found
