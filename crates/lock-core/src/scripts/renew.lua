-- Sets the time left of lock keys that are still their owner's. Update only: it never brings a lock back.
-- KEYS  lock keys.
-- ARGV  per lock: owner, time left in ms from now.
-- Reply {1, answer, ...}: per lock 1 when it was the owner's, 0 when it was not.
local reply = {1}
for i = 1, #KEYS do
  local answer = 0
  if redis.pcall('GET', KEYS[i]) == ARGV[2 * i - 1] then
    answer = redis.call('PEXPIRE', KEYS[i], ARGV[2 * i])
  end
  reply[i + 1] = answer
end
return reply
