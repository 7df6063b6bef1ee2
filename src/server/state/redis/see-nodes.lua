-- Notes that a node is there, and tells which were lately.
--
-- KEYS: a sorted set of nodes by the time in ms when they were seen last
-- ARGV: number of the node, and for how many ms one that is gone is remembered

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
