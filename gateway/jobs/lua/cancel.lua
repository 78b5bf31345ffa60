-- ARGV: id, error. Returns 1 if it was not finished before.
local status = get(ARGV[1], 'status')
if status ~= 'queued' and status ~= 'running' then return 0 end
settle(ARGV[1], 'cancelled', 'error', ARGV[2])
return 1
