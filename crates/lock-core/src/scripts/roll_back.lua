-- Gives back the locks that one attempt took. The hold records name the attempt, because an owner's name does not tell holds apart. A lock that
-- another attempt of the owner holds, too, stays.
-- KEYS  4 per lock: the lock key, its hold record, its queue, its slot's counter.
-- ARGV  1 owner, 2 attempt id, 3 '1': sync the counters.
-- Reply {1, index, ...}: rolled back; each index (from 0) names a lock of this owner that stays, because it has no valid record.
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
