-- Sets the time left of locks that are still their holder's. Update only: it never brings a lock back.
-- KEYS  `stride` per lock: the lock key; with 2 its hold record.
-- ARGV  1 stride, then per lock: owner, time left in ms from now; with stride 2 also the attempt id.
-- Reply {1, answer, ...}: per lock 1 when it was the holder's, 0 when it was not.
--@ record
local stride, reply, arg = tonumber(ARGV[1]), {1}, 2
for i = 1, #KEYS, stride do
  local answer = 0
  if redis.pcall('GET', KEYS[i]) == ARGV[arg] then
    if stride == 1 then
      answer = redis.call('PEXPIRE', KEYS[i], ARGV[arg + 1])
    else
      -- An owner's name does not tell holds apart.
      local record = redis.call('GET', KEYS[i + 1])
      if record and names(string.match(record, '^([^:]*):') or '', ARGV[arg + 2]) then
        answer = redis.call('PEXPIRE', KEYS[i], ARGV[arg + 1])
        redis.call('PEXPIRE', KEYS[i + 1], ARGV[arg + 1])
      end
    end
  end
  reply[#reply + 1] = answer
  arg = arg + stride + 1
end
return reply
