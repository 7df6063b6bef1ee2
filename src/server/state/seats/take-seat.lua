-- Decides whether a session of a user has a seat, over all nodes at once.
--
-- KEYS: seats of the node that asks, then those of the other nodes. Each is a hash of
--       user -> JSON [[id, worker, taken, since], ...], since in microseconds as a text
-- ARGV: user, id, worker, most seats of a user, '1' to end the oldest, expiry in ms
-- Answers {granted or 0, whether the own key was there, since, key, worker, id, ...}: a number of
-- KEYS, the worker there and the id for each session that has lost its seat.

local user, id, worker = ARGV[1], ARGV[2], tonumber(ARGV[3])
local most, endsOldest, expiryMs = tonumber(ARGV[4]), ARGV[5] == '1', ARGV[6]

local wasThere = redis.call('EXISTS', KEYS[1])

local function put(at, list)
  if #list == 0 then
    redis.call('HDEL', KEYS[at], user)
    return
  end
  redis.call('HSET', KEYS[at], user, cjson.encode(list))
  if at == 1 and wasThere == 0 then redis.call('PEXPIRE', KEYS[1], expiryMs) end
end

local function without(list, gone)
  local rest = {}
  for _, seat in ipairs(list) do
    if not gone[seat[1]] then rest[#rest + 1] = seat end
  end
  return rest
end

local lists, seats = {}, {}
local own, ownAt
for at, key in ipairs(KEYS) do
  local text = redis.call('HGET', key, user)
  lists[at] = text and cjson.decode(text) or {}
  for _, seat in ipairs(lists[at]) do
    if seat[1] == id and own == nil then own, ownAt = seat, at end
    seats[#seats + 1] = { seat = seat, at = at, order = #seats }
  end
end

-- It comes again by the same id, perhaps on another node: the seat goes with it.
if own then
  if ownAt == 1 then
    own[3] = own[2] == worker and own[3] + 1 or 1
    own[2] = worker
  else
    put(ownAt, without(lists[ownAt], { [id] = true }))
    table.insert(lists[1], { id, worker, 1, own[4] })
  end
  put(1, lists[1])
  return { 1, wasThere, own[4] }
end

local over = #seats + 1 - most
if over > 0 and not endsOldest then return { 0, wasThere, '' } end

local time = redis.call('TIME')
local now = time[1] .. string.format('%06d', time[2])
local answer = { 1, wasThere, now }
table.sort(seats, function(one, other)
  if one.seat[4] ~= other.seat[4] then return one.seat[4] < other.seat[4] end
  return one.order < other.order
end)
local lost, touched = {}, {}
for index = 1, math.max(0, over) do
  local seat, at = seats[index].seat, seats[index].at
  lost[seat[1]] = true
  touched[at] = true
  table.insert(answer, at)
  table.insert(answer, seat[2])
  table.insert(answer, seat[1])
end
for at in pairs(touched) do
  lists[at] = without(lists[at], lost)
  if at ~= 1 then put(at, lists[at]) end
end
table.insert(lists[1], { id, worker, 1, now })
put(1, lists[1])
return answer
