-- ARGV: id, token, status, field, outcome. Returns 1 if it counted.
if get(ARGV[1], 'token') ~= ARGV[2] then return 0 end
settle(ARGV[1], ARGV[3], ARGV[4], ARGV[5])
return 1
