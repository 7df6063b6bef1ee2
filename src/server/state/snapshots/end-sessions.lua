-- Forgets sessions of nodes that are gone, which wait for their client, by id, user or room.
--
-- KEYS: sessions of such nodes, hashes of id -> JSON [namespace, user, [room], ...]
--       newline data
-- ARGV: namespace, JSON [id, user, room] with null for none, and a text that is in all that are
--       meant by user or room

local namespace = ARGV[1]
local id, user, room = unpack(cjson.decode(ARGV[2]))
local SCANNED_AT_ONCE = 200

local function isMeant(of, text)
  if of ~= id and not string.find(text, ARGV[3], 1, true) then return false end
  local isRead, session = pcall(cjson.decode, string.match(text, '^[^\n]*'))
  if not isRead or session[1] ~= namespace then return false end
  if of == id or (user ~= cjson.null and session[2] == user) then return true end
  for at = 3, #session do
    if room ~= cjson.null and session[at][1] == room then return true end
  end
  return false
end

local ended = 0
for _, key in ipairs(KEYS) do
  local cursor = '0'
  repeat
    local page = redis.call('HSCAN', key, cursor, 'COUNT', SCANNED_AT_ONCE)
    cursor = page[1]
    for at = 1, #page[2], 2 do
      if isMeant(page[2][at], page[2][at + 1]) then
        redis.call('HDEL', key, page[2][at])
        ended = ended + 1
      end
    end
  until cursor == '0'
end
return ended
