-- Admits a request of a key, or lets one that runs reserve more, in one step for all gateways.
--
-- KEYS  1 the key's account (a hash), 2 its running requests (a sorted set by when they lapse),
--       3 what it has spent this month (a hash)
-- ARGV  1 request id, 2 ms until its lease lapses, 3 requests a minute, 4 tokens a minute,
--       5 requests at a time, 6 tokens a month, 7 cost a month, 8 tokens to reserve,
--       9 cost to reserve, 10 whether it is a new request (1) or a running one (0).
--       A limit of 0 is none.
-- Gives four numbers in a line: verdict (0 yes, 1 requests, 2 concurrency, 3 tokens, 4 monthly tokens, 5 monthly cost),
--       requests and tokens that are left in the minute, ms until it may be tried again (-1 never).
--
-- A minute is the last 60 whole seconds and the one that runs: at most 1/60 is allowed too little,
-- and never anything too much. All this is of the moment and needs no disk: it is not replicated.
redis.set_repl(redis.REPL_NONE)

local SLOTS = 61
local DAY = 86400
local account, leases, spent = KEYS[1], KEYS[2], KEYS[3]
local id, first = ARGV[1], ARGV[10] == '1'
local arg = {}
for i = 2, 9 do arg[i] = tonumber(ARGV[i]) end
local per_minute, tokens_per_minute, at_once = arg[3], arg[4], arg[5]
local month_tokens, month_cost, tokens, cost = arg[6], arg[7], arg[8], arg[9]

local clock = redis.call('TIME')
local ms = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function number(field) return tonumber(redis.call('HGET', account, field) or 0) end
local function add(field, amount)
  if amount ~= 0 then redis.call('HINCRBY', account, field, string.format('%.0f', amount)) end
end

-- Requests whose gateway died give back what they held.
local lapsed = redis.call('ZRANGEBYSCORE', leases, '-inf', ms)
for _, other in ipairs(lapsed) do
  local hold = redis.call('HGET', account, 'hold:' .. other)
  if hold then
    local held, worth = string.match(hold, '(%d+) (%d+)')
    add('held_tokens', -held)
    add('held_cost', -worth)
    redis.call('HDEL', account, 'hold:' .. other)
  end
end
if #lapsed > 0 then redis.call('ZREMRANGEBYSCORE', leases, '-inf', ms) end

-- The window moves on: seconds that leave it are taken off the sums.
local now = tonumber(clock[1])
local last = number('second')
if last == 0 then last = now end
if now < last then now = last end
for second = last + 1, math.min(now, last + SLOTS) do
  local slot = second % SLOTS
  local gone = redis.call('HMGET', account, 'r' .. slot, 't' .. slot)
  if gone[1] or gone[2] then
    add('requests', -(gone[1] or 0))
    add('tokens', -(gone[2] or 0))
    redis.call('HDEL', account, 'r' .. slot, 't' .. slot)
  end
end
redis.call('HSET', account, 'second', now)

local requests, used = number('requests'), number('tokens')

-- ms until `need` more fit below `limit`, as the oldest seconds leave the window.
local function wait(kind, sum, need, limit)
  if need > limit then return -1 end
  for second = now - SLOTS + 1, now do
    sum = sum - number(kind .. (second % SLOTS))
    if sum + need <= limit then return (second + SLOTS) * 1000 - ms end
  end
  return SLOTS * 1000
end

local verdict, retry = 0, 0
if first and per_minute > 0 and requests >= per_minute then
  verdict, retry = 1, wait('r', requests, 1, per_minute)
elseif first and at_once > 0 and redis.call('ZCARD', leases) >= at_once then
  verdict, retry = 2, 1000
elseif tokens_per_minute > 0 and used + tokens > tokens_per_minute then
  verdict, retry = 3, wait('t', used, tokens, tokens_per_minute)
elseif month_tokens > 0 or month_cost > 0 then
  local so_far = redis.call('HMGET', spent, 'tokens', 'cost')
  if month_tokens > 0 and (so_far[1] or 0) + number('held_tokens') + tokens > month_tokens then
    verdict, retry = 4, -1
  elseif month_cost > 0 and (so_far[2] or 0) + number('held_cost') + cost > month_cost then
    verdict, retry = 5, -1
  end
end

if verdict == 0 then
  local held, worth, since = 0, 0, now
  if first then
    add('r' .. now % SLOTS, 1)
    add('requests', 1)
    requests = requests + 1
    redis.call('ZADD', leases, ms + arg[2], id)
  else
    local hold = redis.call('HGET', account, 'hold:' .. id)
    if hold then
      held, worth, since = string.match(hold, '(%d+) (%d+) (%d+)')
      held, worth, since = tonumber(held), tonumber(worth), tonumber(since)
    end
    if since > now - SLOTS then
      add('t' .. since % SLOTS, -held)
      add('tokens', -held)
    end
  end
  add('t' .. now % SLOTS, held + tokens)
  add('tokens', held + tokens)
  add('held_tokens', tokens)
  add('held_cost', cost)
  redis.call('HSET', account, 'hold:' .. id, string.format('%.0f %.0f %.0f', held + tokens, worth + cost, now))
  used = used + tokens
end
redis.call('EXPIRE', account, DAY)
redis.call('EXPIRE', leases, DAY)
return redis.status_reply(string.format(
  '%.0f %.0f %.0f %.0f',
  verdict, math.max(0, per_minute - requests), math.max(0, tokens_per_minute - used), retry
))
