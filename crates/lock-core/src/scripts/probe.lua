-- Finds out whether this user may do what fencing and hold records need.
-- KEYS  a fencing counter.
-- Reply {1} yes; {0, text} no, with the server's reason.
-- Raising the counter by one is harmless, tokens only have to rise; one that was not there is taken away again.
for _, command in ipairs({{'INCR', KEYS[1]}, {'PTTL', KEYS[1]}, {'TIME'}}) do
  local answer = redis.pcall(unpack(command))
  if command[1] == 'INCR' and answer == 1 then redis.call('DEL', KEYS[1]) end
  if type(answer) == 'table' and answer.err then
    -- Only a missing right speaks against side keys; a full memory or a replica does not.
    local text = string.lower(answer.err)
    if string.find(text, 'noperm') or string.find(text, 'permission') or string.find(text, "can't run") or string.find(text, "can't access") then
      return {0, answer.err}
    end
  end
end
return {1}
