-- Admits a request of a key, or lets one that runs reserve more, in one step for all gateways.
--
-- KEYS  1 the key's account (a hash), 2 its running requests (a sorted set by when they lapse),
--       3 what it has spent this month (a hash), 4 to 6 the same of its tenant
-- ARGV  1 request id, 2 ms until its lease lapses, 3 requests a minute, 4 tokens a minute,
--       5 requests at a time, 6 tokens a month, 7 cost a month, 8 and 9 the same of the tenant,
--       10 tokens to reserve, 11 cost to reserve, 12 whether it is a new request (1) or a running one (0).
--       A limit of 0 is none.
-- Gives four numbers in a line: verdict (0 yes, 1 requests, 2 concurrency, 3 tokens, 4 monthly tokens,
--       5 monthly cost, 6 and 7 the same of the tenant), requests and tokens that are left in the
--       minute, ms until it may be tried again (-1 never).
--
-- A minute is the last 60 whole seconds and the one that runs: at most 1/60 is allowed too little,
-- and never anything too much. All this is of the moment and needs no disk: it is not replicated.
redis.set_repl(redis.REPL_NONE)

local SLOTS = 61
local DAY = 86400
local UNCHARGED = 60 -- seconds in which what was released is charged, at the latest
local account, leases = KEYS[1], KEYS[2]
local id, first = ARGV[1], ARGV[12] == '1'
local arg = {}
for i = 2, 11 do arg[i] = tonumber(ARGV[i]) end
local per_minute, tokens_per_minute, at_once, tokens, cost = arg[3], arg[4], arg[5], arg[10], arg[11]

-- Whose quotas are looked at: the tenant's only where it has one.
local levels = {{account = account, leases = leases, spent = KEYS[3], tokens = arg[6], cost = arg[7], verdict = 4}}
if arg[8] > 0 or arg[9] > 0 then
  levels[2] = {account = KEYS[4], leases = KEYS[5], spent = KEYS[6], tokens = arg[8], cost = arg[9], verdict = 6}
end

local clock = redis.call('TIME')
local ms = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function number(name, field) return tonumber(redis.call('HGET', name, field) or 0) end
local function add(name, field, amount)
  if amount ~= 0 then redis.call('HINCRBY', name, field, string.format('%.0f', amount)) end
end

-- Requests whose gateway died give back what they held.
for _, level in ipairs(levels) do
  local lapsed = redis.call('ZRANGEBYSCORE', level.leases, '-inf', ms)
  for _, other in ipairs(lapsed) do
    local hold = redis.call('HGET', level.account, 'hold:' .. other)
    if hold then
      local held, worth = string.match(hold, '(%d+) (%d+)')
      add(level.account, 'held_tokens', -held)
      add(level.account, 'held_cost', -worth)
      redis.call('HDEL', level.account, 'hold:' .. other)
    end
  end
  if #lapsed > 0 then redis.call('ZREMRANGEBYSCORE', level.leases, '-inf', ms) end
  -- Where nothing has run for a while, nothing is held: what still is was released to a gateway that never
  -- heard of it, or was killed before it could charge it.
  local released = tonumber(redis.call('HGET', level.account, 'released') or 0)
  if redis.call('ZCARD', level.leases) == 0 and clock[1] - released > UNCHARGED then
    redis.call('HDEL', level.account, 'held_tokens', 'held_cost')
  end
end

-- The window moves on: seconds that leave it are taken off the sums.
local now = tonumber(clock[1])
local last = number(account, 'second')
if last == 0 then last = now end
if now < last - SLOTS then
  -- The store's clock was set back: no second of the window means anything any more.
  for slot = 0, SLOTS - 1 do redis.call('HDEL', account, 'r' .. slot, 't' .. slot) end
  redis.call('HDEL', account, 'requests', 'tokens')
elseif now < last then
  now = last
end
for second = last + 1, math.min(now, last + SLOTS) do
  local slot = second % SLOTS
  local gone = redis.call('HMGET', account, 'r' .. slot, 't' .. slot)
  if gone[1] or gone[2] then
    add(account, 'requests', -(gone[1] or 0))
    add(account, 'tokens', -(gone[2] or 0))
    redis.call('HDEL', account, 'r' .. slot, 't' .. slot)
  end
end
redis.call('HSET', account, 'second', now)

local requests, used = number(account, 'requests'), number(account, 'tokens')

-- ms until `need` more fit below `limit`, as the oldest seconds leave the window.
local function wait(kind, sum, need, limit)
  if need > limit then return -1 end
  for second = now - SLOTS + 1, now do
    sum = sum - number(account, kind .. (second % SLOTS))
    if sum + need <= limit then return (second + SLOTS) * 1000 - ms end
  end
  return SLOTS * 1000
end

-- Whether what is spent and held leaves no room: the verdict, or 0.
local function over(level)
  if level.tokens == 0 and level.cost == 0 then return 0 end
  local spent = redis.call('HMGET', level.spent, 'tokens', 'cost')
  local held = redis.call('HMGET', level.account, 'held_tokens', 'held_cost')
  if level.tokens > 0 and (spent[1] or 0) + (held[1] or 0) + tokens > level.tokens then return level.verdict end
  if level.cost > 0 and (spent[2] or 0) + (held[2] or 0) + cost > level.cost then return level.verdict + 1 end
  return 0
end

local verdict, retry = 0, 0
if first and per_minute > 0 and requests >= per_minute then
  verdict, retry = 1, wait('r', requests, 1, per_minute)
elseif first and at_once > 0 and redis.call('ZCARD', leases) >= at_once then
  verdict, retry = 2, 1000
elseif tokens_per_minute > 0 and used + tokens > tokens_per_minute then
  verdict, retry = 3, wait('t', used, tokens, tokens_per_minute)
else
  for _, level in ipairs(levels) do
    if verdict == 0 then verdict = over(level) end
  end
  if verdict > 0 then retry = -1 end
end

if verdict == 0 then
  if first then
    add(account, 'r' .. now % SLOTS, 1)
    add(account, 'requests', 1)
    requests = requests + 1
  end
  for _, level in ipairs(levels) do
    local held, worth, since = 0, 0, now
    local hold = not first and redis.call('HGET', level.account, 'hold:' .. id)
    if hold then
      held, worth, since = string.match(hold, '(%d+) (%d+) (%d+)')
      held, worth, since = tonumber(held), tonumber(worth), tonumber(since)
    end
    redis.call('ZADD', level.leases, ms + arg[2], id)
    if level.account == account then
      -- What was reserved before counts for this second now.
      if held > 0 and since > now - SLOTS and since <= now then
        add(account, 't' .. since % SLOTS, -held)
        add(account, 'tokens', -held)
      end
      add(account, 't' .. now % SLOTS, held + tokens)
      add(account, 'tokens', held + tokens)
    end
    add(level.account, 'held_tokens', tokens)
    add(level.account, 'held_cost', cost)
    local now_held = string.format('%.0f %.0f %.0f', held + tokens, worth + cost, now)
    redis.call('HSET', level.account, 'hold:' .. id, now_held)
  end
  used = used + tokens
end
for _, level in ipairs(levels) do
  redis.call('EXPIRE', level.account, DAY)
  redis.call('EXPIRE', level.leases, DAY)
end
return redis.status_reply(string.format(
  '%.0f %.0f %.0f %.0f',
  verdict, math.max(0, per_minute - requests), math.max(0, tokens_per_minute - used), retry
))
