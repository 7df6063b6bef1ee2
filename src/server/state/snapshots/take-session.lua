-- Finds a session that can be recovered, over all nodes, and takes it where its node is gone.
--
-- KEYS: sessions of nodes that are there, then those of nodes that are gone; hashes of id -> text
-- ARGV: id, how many of the nodes are there, and with which of two texts one of the claimed user
--       and namespace begins
-- Answers {'held', number of KEYS}, {'taken', text}, {'refused'} for another user's, or {'none'}.

local id, there = ARGV[1], tonumber(ARGV[2])

local function isOfOwner(text)
  return string.sub(text, 1, #ARGV[3]) == ARGV[3] or string.sub(text, 1, #ARGV[4]) == ARGV[4]
end

for at, key in ipairs(KEYS) do
  local text = redis.call('HGET', key, id)
  if text then
    if not isOfOwner(text) then return { 'refused' } end
    if at <= there then return { 'held', at } end
    redis.call('HDEL', key, id)
    return { 'taken', text }
  end
end
return { 'none' }
