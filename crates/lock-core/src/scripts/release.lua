-- Gives lock keys back, each only if it is still the owner's. With side keys each lock goes to the next in its queue.
-- KEYS  `stride` per lock: the lock key; with stride 4 also its hold record, its queue, its slot's counter. Then, with stride 4, the
--       remembered release.
-- ARGV  1 owner, 2 stride; with stride 4: 3 '1': sync the counters.
-- Reply {1, 1} every lock was released; {1, 0, index, ...} each index (from 0) names a lock that was not the owner's (none are named
--       in a remembered answer).
local owner, stride = ARGV[1], tonumber(ARGV[2])
local last = #KEYS
if stride == 4 then
  -- This holds for the first command, too: it may come after its own repetition, from a connection that the client gave up.
  local answer = redis.call('GET', KEYS[last])
  if answer then return {1, tonumber(answer)} end
  last = last - 1
end

--@ token
--@ grant_next

local reply = {1, 1}
for i = 1, last, stride do
  if redis.call('GET', KEYS[i]) ~= owner then
    reply[2] = 0
    reply[#reply + 1] = (i - 1) / stride
  elseif stride == 4 then
    redis.call('DEL', KEYS[i + 1])
    grant_next(KEYS[i], KEYS[i + 2], KEYS[i + 3], ARGV[3] == '1')
  else
    redis.call('DEL', KEYS[i])
  end
end
-- This comes after the deletion, which makes later writes of the script possible if memory is full.
if stride == 4 then redis.pcall('SET', KEYS[#KEYS], reply[2], 'PX', '60000') end
return reply
