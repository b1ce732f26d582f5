-- Finds out whether this user has the rights that locks need or, with two keys, those that fencing, hold records and the queue need.
-- KEYS  1 a lock key that is hardly used; or 1 a fencing counter, 2 a queue that nobody uses.
-- Reply {1} yes; {0, text} no, with the server's reason.
local commands
if KEYS[2] then
  -- Raising the counter by one is harmless, because tokens only have to rise. A counter that did not exist is deleted again.
  commands = {{'INCRBY', KEYS[1], '1'}, {'PTTL', KEYS[1]}, {'TIME'}, {'EXISTS', KEYS[2]}, {'MGET', KEYS[1]},
    {'PERSIST', KEYS[2]}, {'ZADD', KEYS[2], 'LT', '1', 'x'}, {'PEXPIRE', KEYS[2], '1000'},
    {'ZSCORE', KEYS[2], 'x'}, {'ZRANGE', KEYS[2], '0', '0'}, {'ZPOPMIN', KEYS[2]}, {'ZREM', KEYS[2], 'x'}}
else
  -- If the key has a holder, the script can only try to read it.
  commands = {{'GET', KEYS[1]}, {'PTTL', KEYS[1]}}
  if not redis.pcall('GET', KEYS[1]) then
    commands = {{'PTTL', KEYS[1]}, {'SET', KEYS[1], 'probe', 'PX', '1000'}, {'PEXPIRE', KEYS[1], '1'}, {'DEL', KEYS[1]}}
  end
end
for _, command in ipairs(commands) do
  local answer = redis.pcall(unpack(command))
  if command[1] == 'INCRBY' and answer == 1 then redis.call('DEL', KEYS[1]) end
  if type(answer) == 'table' and answer.err then
    -- Only a missing right counts. A full memory or a replica does not.
    local text = string.lower(answer.err)
    if string.find(text, 'noperm') or string.find(text, 'permission') or string.find(text, "can't run") or string.find(text, "can't access") then
      if not KEYS[2] and commands[4] then redis.pcall('DEL', KEYS[1]) end
      return {0, answer.err}
    end
  end
end
return {1}
