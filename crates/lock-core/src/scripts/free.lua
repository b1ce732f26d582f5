-- Deletes a batch of locks that SCAN found.
-- KEYS  `stride` per lock: the lock key; with 2 its hold record.
-- ARGV  1 stride, 2 '1': of any owner, '0': only of the owner in 3.
-- Reply {1, number of locks deleted}.
local stride, freed = tonumber(ARGV[1]), 0
for i = 1, #KEYS, stride do
  -- What is no string is no lock.
  local holder = redis.pcall('GET', KEYS[i])
  if type(holder) == 'string' and (ARGV[2] == '1' or holder == ARGV[3]) then
    redis.call('DEL', KEYS[i])
    if stride == 2 then redis.call('DEL', KEYS[i + 1]) end
    freed = freed + 1
  end
end
return {1, freed}
