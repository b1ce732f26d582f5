-- Take for a node of a cluster: the locks are of several slots, so the command names no key. That is allowed to scripts as long as the node
-- has them all; one that it does not have is an error of that lock.
-- ARGV  3 per lock: the lock key, its queue, its slot's counter; then 2 per lock: owner, lease in ms.
-- Reply as of take.
local count, try, reply = #ARGV / 5, redis.pcall, {1}
local shift = 3 * count
for n = 1, count do
  local lock = ARGV[3 * n - 2]
  local held, answer = try('SET', lock, ARGV[shift + 2 * n - 1], 'NX', 'PX', ARGV[shift + 2 * n]), 0
  if held and held.err then
    answer = held
  elseif held then
    local waited = try('EXISTS', ARGV[3 * n - 1])
    if waited == 0 then
      local token = try('INCR', ARGV[3 * n])
      if type(token) == 'number' and token >= 1e15 then answer = token end
    elseif type(waited) == 'table' then
      answer = waited
    end
    -- Nothing is rolled back by itself.
    if type(answer) == 'table' or answer == 0 then redis.call('DEL', lock) end
  end
  reply[n + 1] = answer
end
return reply
