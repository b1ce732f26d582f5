-- Gives back what one attempt took, told by its hold records: an owner's name does not tell holds apart. What another attempt of the
-- owner holds, too, stays.
-- KEYS  4 per lock: the lock key, its hold record, its queue, its slot's counter.
-- ARGV  1 owner, 2 attempt id, 3 '1': sync the counters.
-- Reply {1, index, ...}: undone; each index (from 0) names a lock that is this owner's and has no record to trust: it stays.
--@ token
--@ moved
--@ record
--@ grant_next
--@ roll_back_one
local reply = {1}
for i = 1, #KEYS, 4 do
  if redis.call('GET', KEYS[i]) == ARGV[1] then
    local attempts, token = record_of(KEYS[i], KEYS[i + 1])
    if not attempts then
      reply[#reply + 1] = (i - 1) / 4
    elseif names(attempts, ARGV[2]) then
      roll_back_one(KEYS[i], KEYS[i + 1], KEYS[i + 2], KEYS[i + 3], ARGV[3] == '1', attempts, token, ARGV[2])
    end
  end
end
return reply
