-- Gives back seats of one node.
--
-- KEYS: seats of the node, a hash of user -> JSON [[id, worker, taken, since], ...]
-- ARGV: user, id, worker and how often, over and over; 0 for all

for at = 1, #ARGV, 4 do
  local user, id, worker, times = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]
  local text = redis.call('HGET', KEYS[1], user)
  local rest, isChanged = {}, false
  for _, seat in ipairs(text and cjson.decode(text) or {}) do
    local isFreed = seat[1] == id and seat[2] == worker
    if isFreed then
      isChanged = true
      seat[3] = times == '0' and 0 or seat[3] - tonumber(times)
    end
    if not isFreed or seat[3] > 0 then rest[#rest + 1] = seat end
  end
  if isChanged and #rest > 0 then redis.call('HSET', KEYS[1], user, cjson.encode(rest)) end
  if isChanged and #rest == 0 then redis.call('HDEL', KEYS[1], user) end
end
return 0
