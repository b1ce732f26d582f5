-- Takes over a grant for the job of one call of execute.
-- KEYS  1 the lock key, 2 its queue.
-- ARGV  1 the grant as it stands in the lock, 2 owner, 3 lease in ms, 4 client id, 5 the ticket of the client's next waiter ('': none).
-- Reply {1} held, also when repeated; {0} the grant is gone.
local holder = redis.call('GET', KEYS[1])
local mine = holder == ARGV[1] or holder == ARGV[2]
-- A server whose memory is full refuses a ZADD or SET as the first write of a script, but not after another one.
if mine then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
if ARGV[5] ~= '' then
  redis.call('ZADD', KEYS[2], 'LT', ARGV[5], ARGV[4])
  redis.call('PEXPIRE', KEYS[2], '60000')
end
if not mine then return {0} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {1}
