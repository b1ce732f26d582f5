-- Gives back locks of execute: each goes to the next in its queue, or is deleted.
-- KEYS  3 per lock: the lock key, its queue, its slot's counter.
-- ARGV  1 owner, 2 '1': sync the counters to the server's TIME (not used on this connection yet). The others are optional, and only for one
--       lock: 3 the grant on which the owner's job began, while its claim is not answered ('': none), 4 client id; about the client's oldest
--       waiter: 5 its ticket ('': none), 6 its owner (empty: the waiter has to ask by itself), 7 its lease in ms, 8 the ticket of the waiter
--       after it ('': none), 9 how many more of the client's waiters may follow it without a command; 10 the last ticket that followed:
--       the script takes an entry of the client up to this ticket out of the queue ('': none).
-- Reply {1, 1} every lock was released; {1, 0, index, ...} each index (from 0) names a lock that was not the owner's;
--       {2, token} released, and the client's oldest waiter holds it; then, if more waiters may follow, a ticket: waiters with an earlier
--       ticket may follow, with the tokens after this one; {3, token} released, and granted to the client.
local owner, grant, me, ticket, served = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[10]
-- The common case first: one lock, nobody waits.
if not KEYS[4] and not grant and redis.call('GET', KEYS[1]) == owner and redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('DEL', KEYS[1])
  return {1, 1}
end

--@ token
--@ grant_next

local more = tonumber(ARGV[9] or '') or 0
local reply, token = {1, 1}, nil
for i = 1, #KEYS, 3 do
  local lock, queue = KEYS[i], KEYS[i + 1]
  local holder = redis.call('GET', lock)
  if holder == owner or (grant and grant ~= '' and holder == grant) then
    if served and served ~= '' then
      local score = redis.call('ZSCORE', queue, me)
      if score and tonumber(score) <= tonumber(served) then redis.call('ZREM', queue, me) end
    end
    if ticket and ticket ~= '' then
      -- A server whose memory is full refuses the ZADD as the first write of a script, but not after another one.
      redis.call('PEXPIRE', queue, '60000')
      redis.call('ZADD', queue, 'LT', ticket, me)
    end
    token = grant_next(lock, queue, KEYS[i + 2], ARGV[2] == '1', me, more)
  else
    reply[2] = 0
    reply[#reply + 1] = (i - 1) / 3
  end
end
if not token then return reply end
if not ARGV[6] or ARGV[6] == '' then return {3, token} end
redis.call('SET', KEYS[1], ARGV[6], 'PX', ARGV[7])
reply = {2, token}
-- The lock is given, and a later failure must not hide it. A waiter that is not in the queue asks by itself.
if more > 0 then
  -- Tickets come from the counter, too: every ticket so far is earlier than every later one.
  local other = redis.pcall('ZRANGE', KEYS[2], '0', '0', 'WITHSCORES')[2]
  reply[3] = other and math.min(tonumber(other), token + more + 1) or token + more + 1
end
if ARGV[8] ~= '' then
  redis.pcall('ZADD', KEYS[2], 'LT', ARGV[8], me)
  redis.pcall('PEXPIRE', KEYS[2], '60000')
end
return reply
