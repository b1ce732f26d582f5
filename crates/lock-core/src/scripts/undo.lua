-- Gives back what one attempt took, told by its hold records: an owner's name does not tell holds apart.
-- KEYS  2 per lock: the lock key, its hold record.
-- ARGV  1 owner, 2 attempt id.
-- Reply {1, index, ...}: undone; each index (from 0) names a lock that is this owner's and has no record to trust: it stays.
local reply = {1}
local ours = {}
for i = 1, #KEYS, 2 do
  if redis.call('GET', KEYS[i]) == ARGV[1] then
    local record = redis.call('GET', KEYS[i + 1])
    local attempt, _, timed
    if record then attempt, _, timed = string.match(record, '^([^:]*):(%d+):([01])$') end
    local left, kept = redis.call('PTTL', KEYS[i]), redis.call('PTTL', KEYS[i + 1])
    local trusted = attempt and ((timed == '0' and left == -1) or (timed == '1' and left >= 0 and math.abs(left - kept) <= 5))
    if not trusted then
      reply[#reply + 1] = (i - 1) / 2
    elseif attempt == ARGV[2] then
      ours[#ours + 1] = KEYS[i]
      ours[#ours + 1] = KEYS[i + 1]
    end
  end
end
for i = 1, #ours do redis.call('DEL', ours[i]) end
return reply
