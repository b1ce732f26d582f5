-- Gives lock keys back, each only if it is still the owner's.
-- KEYS  `stride` per lock: the lock key; with 2 its hold record. Then, if ARGV 3 is '1', the remembered release.
-- ARGV  1 owner; for locks of execute no more: 2 stride, 3 '1': remember the answer for a minute, 4 '1': this may be a resend, look
--       for the answer first.
-- Reply {1, 1} every lock was released; {1, 0, index, ...} each index (from 0) names a lock that was not the owner's (none are named
--       in a remembered answer).
-- The common path first: one key of execute.
if not KEYS[2] and not ARGV[2] then
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {1, 0, 0} end
  redis.call('DEL', KEYS[1])
  return {1, 1}
end

local owner, stride, remember = ARGV[1], tonumber(ARGV[2] or 1), ARGV[3] == '1'
local last = #KEYS
if remember then
  if ARGV[4] == '1' then
    local answer = redis.call('GET', KEYS[last])
    if answer then return {1, tonumber(answer)} end
  end
  last = last - 1
end
local reply, ours = {1, 1}, {}
for i = 1, last, stride do
  if redis.call('GET', KEYS[i]) == owner then
    ours[#ours + 1] = KEYS[i]
    if stride == 2 then ours[#ours + 1] = KEYS[i + 1] end
  else
    reply[2] = 0
    reply[#reply + 1] = (i - 1) / stride
  end
end
for i = 1, #ours do redis.call('DEL', ours[i]) end
-- After the deletion: when memory is full, a deletion makes the script's later writes possible.
if remember then redis.pcall('SET', KEYS[#KEYS], reply[2], 'PX', 60000) end
return reply
