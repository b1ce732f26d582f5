-- Takes free keys that nobody waits for, each for one call of execute: the common case of park, without what only the others need. The
-- calls have nothing to do with each other; together they cost Redis little more than half.
-- KEYS  3 per lock: the lock key, its queue, its slot's counter. In a cluster none: they come before ARGV, since they are of several slots.
--       That is allowed to scripts as long as the node has them all; one that it does not have is an error of that lock.
-- ARGV  2 per lock: owner, lease in ms.
-- Reply {1, answer, ...}, one per lock: a token: held; 0: contended, or the counter is to be looked after: nothing is changed, park;
--       or the error of that lock.
local keys, count, shift = KEYS, #KEYS / 3, 0
if count == 0 then
  keys, count = ARGV, #ARGV / 5
  shift = 3 * count
end
local try, reply = redis.pcall, {1}
for n = 1, count do
  local lock = keys[3 * n - 2]
  local held, answer = try('SET', lock, ARGV[shift + 2 * n - 1], 'NX', 'PX', ARGV[shift + 2 * n]), 0
  if held and held.err then
    answer = held
  elseif held then
    local waited = try('EXISTS', keys[3 * n - 1])
    if waited == 0 then
      local token = try('INCR', keys[3 * n])
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
