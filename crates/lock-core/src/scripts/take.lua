-- Takes one free key that nobody waits for, for execute: the common case of park, without what only the others need.
-- KEYS  1 the lock key, 2 its queue, 3 its slot's counter.
-- ARGV  1 owner, 2 lease in ms.
-- Reply {1, token} held; {0} contended, or the counter is to be looked after: nothing is changed, park.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  if redis.call('EXISTS', KEYS[2]) == 0 then
    local token = redis.pcall('INCR', KEYS[3])
    if type(token) == 'number' and token >= 1e15 then return {1, token} end
  end
  -- Nothing is rolled back by itself.
  redis.call('DEL', KEYS[1])
end
return {0}
