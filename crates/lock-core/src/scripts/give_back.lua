-- Gives back locks of several calls of execute, none of which has more to say (see hand_over): each goes to the next in its queue, or is
-- deleted.
-- KEYS  3 per lock: the lock key, its queue, its slot's counter.
-- ARGV  1 per lock: owner.
-- Reply {1, answer, ...}, one per lock: 1: released; 0: it was not the owner's; or the error of that lock, which is as it was.
--@ token
--@ pass_on
local try, reply, asked = redis.pcall, {1}, {}
for n = 1, #KEYS / 3 do asked[n] = KEYS[3 * n - 2] end
local holders, mine, locks, queues = try('MGET', unpack(asked)), {}, {}, {}
for n, lock in ipairs(asked) do
  reply[n + 1] = holders.err and holders or 0
  if holders[n] == ARGV[n] then
    mine[#mine + 1] = n
    locks[#locks + 1] = lock
    queues[#queues + 1] = KEYS[3 * n - 1]
  end
end
-- The common case at once.
local calm = #mine > 0 and try('EXISTS', unpack(queues)) == 0
if calm then redis.call('DEL', unpack(locks)) end
for at, n in ipairs(mine) do
  local answer, waited = 1, calm and 0 or try('EXISTS', queues[at])
  if type(waited) == 'table' then
    answer = waited
  elseif waited > 0 then
    -- What fails here must not hide what became of the others.
    local done, failure = pcall(pass_on, locks[at], queues[at], KEYS[3 * n], true)
    if not done then answer = type(failure) == 'table' and failure or {err = failure} end
  elseif not calm then
    redis.call('DEL', locks[at])
  end
  reply[n + 1] = answer
end
return reply
