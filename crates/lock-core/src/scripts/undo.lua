-- Gives back what one attempt took, told by its hold records: an owner's name does not tell holds apart.
-- KEYS  4 per lock: the lock key, its hold record, its queue, its slot's counter.
-- ARGV  1 owner, 2 attempt id.
-- Reply {1, index, ...}: undone; each index (from 0) names a lock that is this owner's and has no record to trust: it stays.
--@ token
--@ record
--@ pass_on
local reply = {1}
for i = 1, #KEYS, 4 do
  if redis.call('GET', KEYS[i]) == ARGV[1] then
    local attempt = record_of(KEYS[i], KEYS[i + 1])
    if not attempt then
      reply[#reply + 1] = (i - 1) / 4
    elseif attempt == ARGV[2] then
      redis.call('DEL', KEYS[i + 1])
      pass_on(KEYS[i], KEYS[i + 2], KEYS[i + 3])
    end
  end
end
return reply
