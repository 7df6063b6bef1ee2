-- Adds entries to a stream, all of them or none: one that were refused in the middle would be
-- written behind those that came after it.
--
-- KEYS[1] the stream; ARGV: about how many entries it keeps, then for each entry how many texts
-- its fields are, and these. Returns the ids.

local ids = {}
local at = 2
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  local fields = {}
  for i = 1, count do
    fields[i] = ARGV[at + i]
  end
  ids[#ids + 1] = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(fields))
  at = at + count + 1
end
return ids
