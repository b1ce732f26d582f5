-- Takes free keys that nobody waits for, each for one call of execute: the common case of park in fewer commands. The calls have nothing to
-- do with each other. Takes that share a call cost Redis little more than half as much.
-- KEYS  all lock keys; then their queues; then their slots' counters.
-- ARGV  all owners; then their leases in ms.
-- Reply {1, answer, ...}, one per lock: a token: held; 0: contended, or the counter is to be looked after: nothing is changed, park; or the
--       error of that lock.
local try, reply, count = redis.pcall, {1}, #KEYS / 3
-- The common case at once: nobody waits for any of them.
local calm = try('EXISTS', unpack(KEYS, count + 1, 2 * count)) == 0
for n = 1, count do
  local answer, waited = 0, calm and 0 or try('EXISTS', KEYS[count + n])
  local held = waited == 0 and try('SET', KEYS[n], ARGV[n], 'NX', 'PX', ARGV[count + n])
  if held and held.ok then
    local token = try('INCRBY', KEYS[2 * count + n], '1')
    if type(token) == 'number' and token >= 1e15 then
      answer = token
    else
      -- Nothing is rolled back by itself.
      redis.call('DEL', KEYS[n])
    end
  elseif held or type(waited) == 'table' then
    answer = held or waited
  end
  reply[n + 1] = answer
end
return reply
