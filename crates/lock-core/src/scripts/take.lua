-- Takes free keys that nobody waits for, each for one call of execute: the common case of park, without what only the others need. The
-- calls have nothing to do with each other; together they cost Redis little more than half.
-- KEYS  3 per lock: the lock key, its queue, its slot's counter.
-- ARGV  2 per lock: owner, lease in ms.
-- Reply {1, answer, ...}, one per lock: a token: held; 0: contended, or the counter is to be looked after: nothing is changed, park;
--       or the error of that lock.
local reply = {1}
for i = 1, #KEYS, 3 do
  local n = (i + 2) / 3
  local held, answer = redis.pcall('SET', KEYS[i], ARGV[2 * n - 1], 'NX', 'PX', ARGV[2 * n]), 0
  if held and held.err then
    answer = held
  elseif held then
    if redis.call('EXISTS', KEYS[i + 1]) == 0 then
      local token = redis.pcall('INCR', KEYS[i + 2])
      if type(token) == 'number' and token >= 1e15 then answer = token end
    end
    -- Nothing is rolled back by itself.
    if answer == 0 then redis.call('DEL', KEYS[i]) end
  end
  reply[n + 1] = answer
end
return reply
