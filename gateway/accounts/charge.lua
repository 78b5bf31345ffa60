-- Adds what requests of a key came to, to what it and its tenant have spent this month. This must not be lost.
--
-- KEYS  1 the key's account, 2 what it has spent this month, 3 and 4 the same of its tenant
-- ARGV  1 tokens, 2 cost, 3 tokens and 4 cost of these that the key holds until now, 5 and 6 that the
--       tenant does, 7 seconds that the month's sums are kept, 8 who charges, and 9 the number of its
--       charge: one that comes again, since its answer was lost, changes nothing
-- Gives the month's tokens and cost before, and after, of the key, and of the tenant.
local by, charge = ARGV[8], tonumber(ARGV[9])
local new = tonumber(redis.call('HGET', KEYS[2], by) or 0) < charge

local told = {}
for _, spent in ipairs({KEYS[2], KEYS[4]}) do
  local sums = redis.call('HMGET', spent, 'tokens', 'cost')
  local tokens, cost = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
  told[#told + 1], told[#told + 2] = tokens, cost
  if new then
    tokens = redis.call('HINCRBY', spent, 'tokens', ARGV[1])
    cost = redis.call('HINCRBY', spent, 'cost', ARGV[2])
    redis.call('EXPIRE', spent, ARGV[7])
  end
  told[#told + 1], told[#told + 2] = tokens, cost
end
if not new then return told end
redis.call('HSET', KEYS[2], by, ARGV[9])

redis.set_repl(redis.REPL_NONE)
local function let_go(account, tokens, cost)
  for field, amount in pairs({held_tokens = tokens, held_cost = cost}) do
    local held = tonumber(redis.call('HGET', account, field) or 0)
    -- Never below nothing: it may have been forgotten meanwhile, or lost with the store.
    local less = math.min(held, tonumber(amount))
    if less > 0 then redis.call('HINCRBY', account, field, string.format('%.0f', -less)) end
  end
end
let_go(KEYS[1], ARGV[3], ARGV[4])
let_go(KEYS[3], ARGV[5], ARGV[6])
return told
