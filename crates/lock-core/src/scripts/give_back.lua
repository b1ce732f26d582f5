-- Gives back locks of several calls of execute that need no other argument (see hand_over). Each lock goes to the next in its queue, or is
-- deleted.
-- KEYS  all lock keys; then their queues; then their slots' counters.
-- ARGV  their owners.
-- Reply 1: all were released; {1, answer, ...}, one per lock: 1: released; 0: it was not the owner's; or the error of that lock, which
--       did not change.
local try, count = redis.pcall, #KEYS / 3
local holders = try('MGET', unpack(KEYS, 1, count))
-- The common case first: all are their owners', and nobody waits for any of them.
local common = true
for n = 1, count do common = common and holders[n] == ARGV[n] end
if common and try('EXISTS', unpack(KEYS, count + 1, 2 * count)) == 0 then
  redis.call('DEL', unpack(KEYS, 1, count))
  return 1
end

--@ token
--@ grant_next
local reply = {1}
for n = 1, count do
  local lock, queue, answer = KEYS[n], KEYS[count + n], holders.err and holders or 0
  if holders[n] == ARGV[n] then
    local waited = try('EXISTS', queue)
    answer = 1
    if type(waited) == 'table' then
      answer = waited
    elseif waited > 0 then
      -- A failure here must not hide the results of the other locks.
      local done, failure = pcall(grant_next, lock, queue, KEYS[2 * count + n], true)
      if not done then answer = type(failure) == 'table' and failure or {err = failure} end
    else
      redis.call('DEL', lock)
    end
  end
  reply[n + 1] = answer
end
return reply
