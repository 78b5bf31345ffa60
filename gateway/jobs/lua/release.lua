-- Gives up what was kept for a job that did not come about. ARGV: id, tenant, digests with commas.
-- A job of this very id that has not ended needs the same, and keeps it.
local status = get(ARGV[1], 'status')
if status == 'queued' or status == 'running' then return 0 end
drop(ARGV[1], ARGV[2], ARGV[3])
return 1
