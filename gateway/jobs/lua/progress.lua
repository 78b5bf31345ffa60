-- ARGV: id, token, done, total.
if get(ARGV[1], 'token') ~= ARGV[2] then return 0 end
redis.call('HSET', key(ARGV[1]), 'done', ARGV[3], 'total', ARGV[4])
changed(ARGV[1])
return 1
