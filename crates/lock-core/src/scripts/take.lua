-- Takes free keys that nobody waits for, each for one call of execute: the common case of park, without what only the others need. The
-- calls have nothing to do with each other; together they cost Redis little more than half.
-- KEYS  3 per lock: the lock key, its queue, its slot's counter.
-- ARGV  2 per lock: owner, lease in ms.
-- Reply {1, answer, ...}, one per lock: a token: held; 0: contended, or the counter is to be looked after: nothing is changed, park; or the
--       error of that lock.
local try, reply, taken, queues = redis.pcall, {1}, {}, {}
for n = 1, #KEYS / 3 do
  local held = try('SET', KEYS[3 * n - 2], ARGV[2 * n - 1], 'NX', 'PX', ARGV[2 * n])
  reply[n + 1] = held and held.err and held or 0
  if held and held.ok then
    taken[#taken + 1] = n
    queues[#queues + 1] = KEYS[3 * n - 1]
  end
end
-- The common case at once.
local calm = #queues > 0 and try('EXISTS', unpack(queues)) == 0
for at, n in ipairs(taken) do
  local answer, waited = 0, calm and 0 or try('EXISTS', queues[at])
  if type(waited) == 'table' then
    answer = waited
  elseif waited == 0 then
    local token = try('INCRBY', KEYS[3 * n], '1')
    answer = type(token) == 'number' and token >= 1e15 and token or 0
  end
  -- Nothing is rolled back by itself.
  if type(answer) == 'table' or answer == 0 then redis.call('DEL', KEYS[3 * n - 2]) end
  reply[n + 1] = answer
end
return reply
