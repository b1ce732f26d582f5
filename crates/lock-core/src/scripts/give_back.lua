-- Gives back locks of several calls of execute, none of which has more to say (see hand_over): each goes to the next in its queue, or is
-- deleted.
-- KEYS  3 per lock: the lock key, its queue, its slot's counter.
-- ARGV  1 per lock: owner.
-- Reply {1, answer, ...}, one per lock: 1: released; 0: it was not the owner's; or the error of that lock.
--@ token
--@ pass_on
local reply = {1}
for i = 1, #KEYS, 3 do
  local n, answer = (i + 2) / 3, 0
  if redis.pcall('GET', KEYS[i]) == ARGV[n] then
    answer = 1
    if redis.call('EXISTS', KEYS[i + 1]) == 0 then
      redis.call('DEL', KEYS[i])
    else
      -- What fails here must not hide what became of the others.
      local done, failure = pcall(pass_on, KEYS[i], KEYS[i + 1], KEYS[i + 2], false)
      if not done then answer = type(failure) == 'table' and failure or {err = failure} end
    end
  end
  reply[n + 1] = answer
end
return reply
