-- Signs of life: the worker still has these jobs. ARGV: consumer, then id and token in turn.
-- Returns the tokens of those that are its no more.
local lost = {}
for i = 2, #ARGV, 2 do
  local id = ARGV[i]
  if get(id, 'token') == ARGV[i + 1] then
    redis.call('XCLAIM', QUEUE, GROUP, ARGV[1], 0, get(id, 'entry'), 'JUSTID')
  else
    lost[#lost + 1] = ARGV[i + 1]
  end
end
return lost
