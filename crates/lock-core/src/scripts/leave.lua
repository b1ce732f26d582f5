-- A client leaves a queue, or passes on a grant that it cannot use.
-- KEYS  1 the lock key, 2 its queue, 3 its slot's counter.
-- ARGV  1 client id, 2 '1': leave the queue, 3 '1': pass on a grant to this client, 4 '1': sync the counter.
-- Reply {1}.
--@ token
--@ grant_next
if ARGV[2] == '1' then redis.call('ZREM', KEYS[2], ARGV[1]) end
if ARGV[3] == '1' then
  local grant = 'grant:' .. ARGV[1] .. ':'
  local holder = redis.call('GET', KEYS[1])
  if holder and string.sub(holder, 1, #grant) == grant then grant_next(KEYS[1], KEYS[2], KEYS[3], ARGV[4] == '1') end
end
return {1}
